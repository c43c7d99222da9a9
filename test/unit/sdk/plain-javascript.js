// Interceptors as they are written without types: wrong in every way types would have stopped. Used by the tests beside it.
import { allow, binding, defineInterceptor, deny, respond } from "@sallyport/interceptors-sdk";

/** A binding of a mode and phase whose review is the given function. */
export const one = (review, more = {}) =>
  defineInterceptor({
    name: "plain",
    bindings: {
      only: binding({
        phase: "pre-route",
        mode: "mutate",
        needs: ["/request/method"],
        writes: ["/labels/tenant"],
        review,
        ...more,
      }),
    },
  });

export const readsUndeclared = one(({ request }) => allow().label("tenant", request.path));
export const readsUndeclaredHeader = one(({ request }) => (request.headers["x-tenant-id"] === "acme" ? allow() : allow()), {
  needs: ["/request/headers/accept"],
});
export const readsUpperCase = one(({ request }) => (request.headers["X-Tenant-Id"] ? allow() : allow()), {
  needs: ["/request/headers"],
});
export const readsPrincipalEarly = one(({ principal }) => (principal.anonymous ? allow() : allow()), { phase: "pre-auth" });
export const asksForUndeclared = one(({ request }) => ("path" in request ? allow() : allow()));
export const changesView = one(({ request }) => {
  request.method = "POST";
  return allow();
});
export const writesOutside = one(() => allow().setHeader("x-a", "1"));
export const validatorPatches = one(() => allow().label("tenant", "acme"), { mode: "validate", writes: [] });
export const observerDenies = one(() => deny(403, "no", "no"), { mode: "observe", writes: [] });
export const validatorResponds = one(() => respond(200), { mode: "validate", writes: [] });
export const respondsLate = one(() => respond(200), { phase: "post-response", needs: [], writes: [] });
export const returnsNothing = one(() => {});
export const returnsTrue = one(() => true);
export const throwsSecret = one(() => {
  throw new Error("secret sk-123 in an exception");
});
export const deniesBadly = one(() =>
  deny(
    "teapot",
    "Not A Code!",
    { toString: () => "no" },
    { headers: { "X-Bad": "a\r\nb", "retry-after": 3 }, body: () => 1, grpcCode: 99 },
  ),
);
export const deniesWorse = one(() => deny(429, "slow_down", "no", null));

/** Everything a declaration can get wrong, for `defineInterceptor`. */
export const wrongDeclarations = {
  notABinding: { name: "x", bindings: { one: { phase: "pre-auth" } } },
  noBindings: { name: "x", bindings: {} },
  badName: {
    name: "Not a Name",
    bindings: { one: binding({ phase: "pre-auth", mode: "observe", needs: [], review: () => allow() }) },
  },
  badScope: {
    name: "x",
    stateScope: "galaxy",
    bindings: { one: binding({ phase: "pre-auth", mode: "observe", needs: [], review: () => allow() }) },
  },
};

/** The same for one binding. */
export const wrongBindings = {
  phase: { phase: "pre-flight" },
  mode: { mode: "watch" },
  body: { body: "xml" },
  review: { review: "allow" },
  "/principal": { phase: "pre-auth", needs: ["/principal"] },
  "no such field": { needs: ["/request/cookies"] },
  "/response/status": { needs: ["/response/status"] },
  observers: { needs: ["/outcome"] },
  "changes nothing": { mode: "validate", writes: ["/labels/tenant"] },
  authorization: { writes: ["/request/headers/content-length"] },
  "replaced whole": { body: "text", writes: ["/request/body/a"] },
  ownsHeaders: { ownsHeaders: ["x-plan"], writes: ["/labels/tenant"] },
  "header name": { ownsHeaders: ["X Plan"] },
};
