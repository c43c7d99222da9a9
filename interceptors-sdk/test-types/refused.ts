// What must not compile: each marked line is an error, or the check fails. TypeScript 5.9, 6 and 7; never run.
import { allow, binding, defineInterceptor, deny, respond, type RunningInterceptor, serve } from "../src/index.ts";
import { review } from "../src/testing.ts";

// reading what `needs` does not declare

binding({
  phase: "pre-route",
  mode: "validate",
  needs: ["/request/method", "/request/headers/accept", "/principal/id", "/labels/tenant", "/request/query/page"],
  review({ request, principal, labels }) {
    // @ts-expect-error the path is not declared
    void request.path;
    // @ts-expect-error another header is
    void request.headers["x-tenant-id"];
    // @ts-expect-error another query name is
    void request.query["limit"];
    // @ts-expect-error the body is not declared
    void request.body;
    // @ts-expect-error only the id of the principal is
    void principal.tenants;
    // @ts-expect-error another label is
    void labels["plan"];
    // @ts-expect-error a header may be absent
    const accept: string = request.headers["accept"];
    // @ts-expect-error a view is read-only
    request.method = "GET";
    // @ts-expect-error at every level
    request.headers["accept"] = accept;
    return allow();
  },
});

binding({
  phase: "pre-route",
  mode: "validate",
  needs: ["/request/method"],
  // @ts-expect-error nothing of the principal is declared
  review: ({ principal }) => (principal === undefined ? allow() : allow()),
});

binding({
  phase: "pre-route",
  mode: "validate",
  needs: ["/request/body"],
  review({ request }) {
    // @ts-expect-error a JSON body has no shape until it was looked at
    void request.body.messages;
    return allow();
  },
});

// declaring what there is not

binding({
  phase: "pre-auth",
  mode: "validate",
  // @ts-expect-error there is no principal before authentication
  needs: ["/principal"],
  review: () => allow(),
});

binding({
  phase: "pre-auth",
  mode: "validate",
  // @ts-expect-error nor a verified tenant
  needs: ["/tenant/id"],
  review: () => allow(),
});

binding({
  phase: "pre-route",
  mode: "validate",
  // @ts-expect-error there is no response before post-response
  needs: ["/response/status"],
  review: () => allow(),
});

binding({
  phase: "pre-route",
  mode: "validate",
  // @ts-expect-error only observers see how it ended
  needs: ["/outcome"],
  review: () => allow(),
});

binding({
  phase: "pre-route",
  mode: "validate",
  // @ts-expect-error pointers spell header names in lower case
  needs: ["/request/headers/X-Tenant-Id"],
  review: () => allow(),
});

// answering what the mode does not allow

binding({
  phase: "pre-route",
  mode: "validate",
  needs: [],
  // @ts-expect-error a validator patches nothing
  review: () => allow().label("tenant", "acme"),
});

binding({
  phase: "pre-route",
  mode: "validate",
  needs: [],
  // @ts-expect-error so it has nothing to declare
  writes: ["/labels/tenant"],
  review: () => allow(),
});

binding({
  phase: "pre-route",
  mode: "validate",
  needs: [],
  // @ts-expect-error only a mutator gives the answer itself
  review: () => respond(200),
});

binding({
  phase: "pre-route",
  mode: "observe",
  needs: [],
  // @ts-expect-error an observer denies nothing
  review: () => deny(403, "too_late", "the exchange is over"),
});

binding({
  phase: "post-response",
  mode: "mutate",
  needs: [],
  // @ts-expect-error the upstream has answered already
  review: () => respond(200),
});

binding({
  phase: "pre-route",
  mode: "validate",
  needs: [],
  // @ts-expect-error every path returns an answer
  review: () => undefined,
});

binding({
  phase: "pre-route",
  mode: "validate",
  needs: [],
  // @ts-expect-error an answer is what allow, deny and respond return
  review: () => true,
});

// writing outside `writes`

binding({
  phase: "pre-route",
  mode: "mutate",
  needs: [],
  writes: ["/labels/tenant"],
  // @ts-expect-error another label
  review: () => allow().label("tenant", "acme").label("plan", "gold"),
});

binding({
  phase: "pre-route",
  mode: "mutate",
  needs: ["/request/method"],
  writes: ["/labels/tenant"],
  // @ts-expect-error a label whose name is not known
  review: ({ request }) => allow().label(request.method, "acme"),
});

binding({
  phase: "pre-route",
  mode: "mutate",
  needs: [],
  writes: ["/request/headers/x-a"],
  // @ts-expect-error another header
  review: () => allow().setHeader("x-b", "1"),
});

binding({
  phase: "pre-route",
  mode: "mutate",
  needs: ["/request/body"],
  writes: ["/request/body/a"],
  // @ts-expect-error another part of the body
  review: () => allow().edit("/request/body/b", () => 1),
});

binding({
  phase: "pre-route",
  mode: "mutate",
  needs: [],
  // @ts-expect-error patches before forwarding change no response
  writes: ["/response/status"],
  review: () => allow(),
});

binding({
  phase: "post-response",
  mode: "mutate",
  needs: [],
  // @ts-expect-error patches after the upstream's answer change no request
  writes: ["/request/headers/x-a"],
  review: () => allow(),
});

binding({
  phase: "pre-route",
  mode: "mutate",
  needs: [],
  // @ts-expect-error a patch never changes who the caller is
  writes: ["/principal/id"],
  review: () => allow(),
});

// config, interceptors, tests, serving

binding({
  phase: "pre-route",
  mode: "validate",
  needs: [],
  config: () => ({ limit: 3 }),
  // @ts-expect-error the config has no such member
  review: (_view, { config }) => allow().annotate("limit", String(config.maximum)),
});

const unmade = { phase: "pre-auth", mode: "validate", needs: [], review: () => allow() };
// @ts-expect-error a binding is made by binding()
defineInterceptor({ name: "plain", bindings: { one: unmade } });

const known = defineInterceptor({
  name: "known",
  bindings: { one: binding({ phase: "pre-auth", mode: "validate", needs: [], review: () => allow() }) },
});

// @ts-expect-error there is no such binding
await review(known, "two");

// @ts-expect-error grpcs takes certificates
await serve(known, { listen: "grpcs://127.0.0.1:0" });

// @ts-expect-error grpc takes a permission
await serve(known, { listen: "grpc://127.0.0.1:0" });

// @ts-expect-error and no certificates
await serve(known, { listen: "grpc://127.0.0.1:0", allowInsecure: true, gateway: { identity: "mtls" } });

// revoking and updating what cannot be

export function misused(service: RunningInterceptor): void {
  // @ts-expect-error tags are texts
  service.revoke(1);
  // @ts-expect-error a list is spread
  service.revoke(["a", "b"]);
  // @ts-expect-error an update is a whole definition
  service.update({ name: "x", bindings: {} });
  // @ts-expect-error a time is a number of milliseconds
  deny(403, "x", "x").cacheFor("1s");
}
