// What must compile. Type-checked with TypeScript 5.9, 6 and 7; never run.
import {
  type Allow,
  allow,
  binding,
  defineInterceptor,
  deny,
  type Interceptor,
  respond,
  type RunningInterceptor,
  serve,
} from "../src/index.ts";
import { review } from "../src/testing.ts";

export const tenancy = defineInterceptor({
  name: "tenancy",
  bindings: {
    "assign-tenant": binding({
      phase: "pre-route",
      mode: "mutate",
      needs: ["/request/headers/x-tenant-id", "/principal"],
      writes: ["/labels/tenant"],
      review({ request, principal }) {
        const tenant = request.headers["x-tenant-id"] ?? "";
        if (tenant === "") return deny(400, "tenant_required", "x-tenant-id is required");
        if (!principal.tenants.includes(tenant))
          return deny(403, "tenant_mismatch", "the principal is not a member of this tenant");
        return allow().label("tenant", tenant);
      },
    }),
  },
});

export const tested = await review(tenancy, "assign-tenant", { request: { headers: { "x-tenant-id": "acme" } } });

export const running = await serve(tenancy, {
  listen: "grpcs://127.0.0.1:7443",
  tls: { caFile: "ca.pem", certFile: "cert.pem", keyFile: "key.pem" },
  gateway: { identity: "mtls" },
});

const text = (value: string): string => value;
const optional = (value: string | undefined): string | undefined => value;

export const everyGroup = binding({
  phase: "pre-route",
  mode: "validate",
  needs: [
    "/request/method",
    "/request/path",
    "/request/protocol",
    "/request/query/page",
    "/request/query/a~1b",
    "/request/headers/accept",
    "/principal/id",
    "/principal/claims/department",
    "/tenant",
    "/route",
    "/client/tls_subject",
    "/labels/tenant",
  ],
  review({ request, principal, tenant, route, client, labels }, call) {
    text(request.method);
    text(request.path);
    const websocket: boolean = request.protocol === "websocket";
    const pages: readonly string[] = request.query.page;
    const slash: readonly string[] = request.query["a/b"];
    optional(request.headers.accept);
    text(principal.id);
    const department: unknown = principal.claims.department;
    text(tenant.id);
    text(route.name);
    optional(route.labels["team"]);
    text(client.tls_subject);
    optional(labels.tenant);
    const left: number = call.remainingMs();
    return allow().annotate("seen", String([websocket, pages, slash, department, left, call.signal.aborted]));
  },
});

export const containers = binding({
  phase: "pre-auth",
  mode: "mutate",
  needs: ["/request"],
  writes: ["/request/headers", "/labels"],
  review({ request }) {
    text(request.host);
    const rewritten = Object.keys(request.headers).filter((name) => name.startsWith("x-old-"));
    let answer: Allow<`/request/headers/${string}` | `/labels/${string}`> = allow();
    for (const name of rewritten) answer = answer.removeHeader(name).label(name, optional(request.headers[name]) ?? "");
    return answer;
  },
});

export const afterwards = binding({
  phase: "post-response",
  mode: "mutate",
  needs: ["/request/method", "/response"],
  writes: ["/response/status", "/response/headers/x-note", "/response/headers/set-cookie/-", "/response/body/items"],
  async review({ request, response }) {
    const status: number = response.status;
    if (text(request.method) === "GET" && status === 204) return allow().setStatus(200).removeResponseHeader("x-note");
    if (status > 499) return deny(502, "bad_upstream", "the upstream failed");
    return allow()
      .setResponseHeader("x-note", ["one", "two"])
      .appendSetCookie("a=b")
      .edit("/response/body/items", (items: string[]) => void items.pop());
  },
});

export const observer = binding({
  phase: "pre-route",
  mode: "observe",
  needs: ["/principal/id", "/outcome"],
  review: ({ principal, outcome }) => allow().annotate(principal?.id ?? "nobody", `${outcome.status} ${outcome.decided_by}`),
});

export const configured = binding({
  phase: "pre-route",
  mode: "mutate",
  needs: ["/request/body"],
  writes: ["/request/body"],
  body: "text",
  config: (value) => ({ word: String(value) }),
  review({ request }, { config }) {
    const body: string | undefined = request.body;
    if (body === undefined) return respond(200, { body: config.word });
    return allow().edit("/request/body", (draft: string) => draft.replaceAll(config.word, "***"));
  },
});

export const draft = binding({
  phase: "pre-route",
  mode: "mutate",
  needs: ["/request/body"],
  writes: ["/request/body"],
  review: () =>
    allow()
      .edit("/request/body/limit", (limit) => (typeof limit === "number" ? Math.min(limit, 100) : 100))
      .setBody({ whole: true }),
});

export const kept = binding({
  phase: "pre-route",
  mode: "validate",
  needs: ["/tenant/id"],
  cacheable: true,
  review: ({ tenant }) =>
    tenant.id === ""
      ? deny(403, "nobody", "No tenant.").cacheFor(1000, ["t"]).warn("x")
      : allow().cacheFor(60_000).validFor(5000),
});

export async function tell(service: RunningInterceptor, next: Interceptor): Promise<number> {
  const told: number = service.revoke("tenant:acme", "plan");
  await service.close();
  return told + service.update(next);
}
