import { describe, expect, it } from "vitest";
import { ANONYMOUS, type Principal } from "../../../src/model/principal.ts";
import type { Authenticator } from "../../../src/ports/authenticator.ts";
import { allow, binding, deny, patch, setHeader, type BindingChoice } from "../../support/fake-binding.ts";
import { Scene, type RouteChoice } from "../../support/pipeline.ts";

const toAdmin = patch("replace", "/request/path", "/admin/x");

/** A mutator that moves the request to /admin. */
const mover = (choice: BindingChoice = {}) =>
  binding("mover", { writes: ["/request"], may: ["reroute"], review: allow([toAdmin]), ...choice });

const OPEN = { match: { path: "/open/**" } } as const;
const ADMIN = { match: { path: "/admin/**" } } as const;

const principal = (id: string): Principal => ({ ...ANONYMOUS, id, anonymous: false, type: "static-token" });

/** Knows whoever sends its name as a credential. */
const authenticator = (name: string): Authenticator => ({
  name,
  authenticate: ({ headers }) => {
    const said = headers.first("authorization");
    if (said === undefined) return { kind: "absent" };
    return said === name
      ? { kind: "principal", principal: principal(name) }
      : { kind: "invalid", detail: "The credential is not accepted." };
  },
});

async function sent(routes: readonly RouteChoice[], headers: Record<string, string> = {}) {
  const scene = new Scene(routes);
  return { scene, reply: await scene.send({ target: "/open/x", headers }) };
}

describe("a request that was moved", () => {
  it("takes along no credential that it showed to the route it left", async () => {
    const scene = new Scene([
      {
        ...OPEN,
        bindings: [mover()],
        inboundSlots: [
          { kind: "header", name: "x-open-key" },
          { kind: "query", name: "key" },
        ],
      },
      { ...ADMIN, inboundSlots: [{ kind: "header", name: "x-admin-key" }] },
    ]);
    const headers = { "x-open-key": "shown", "x-admin-key": "shown", "x-kept": "1" };
    expect((await scene.send({ target: "/open/x?key=shown&a=1", headers })).status).toBe(200);
    const [request] = scene.upstream.requests;
    expect(request?.requestTarget).toBe("/admin/x?a=1");
    expect(request?.headers).toContain("x-kept");
    expect(JSON.stringify(request?.headers)).not.toMatch(/shown|x-open-key|x-admin-key/);
  });
});

describe("a patch that moves the request, without the power to reroute (C1)", () => {
  it.each([
    ["the path", toAdmin, {}],
    ["the method", patch("replace", "/request/method", "DELETE"), { methods: ["GET"] }],
    ["a matched header", setHeader("x-tier", "gold"), {}],
    ["a header that comes with a patched body", patch("add", "/request/body", new Map()), {}],
    ["a matched label", patch("add", "/labels/tier", "gold"), {}],
    ["a matched query name", patch("add", "/request/query/tier", ["gold"]), {}],
  ])("is invalid when it changes %s", async (_what, operation, match) => {
    const { scene, reply } = await sent([
      {
        ...OPEN,
        match: { ...OPEN.match, ...match },
        bindings: [mover({ may: [], body: "json", writes: ["/request", "/labels"], review: allow([operation]) })],
      },
      ADMIN,
      { match: { path: "/open/**", headers: { "x-tier": "gold" } } },
      { match: { path: "/open/**", headers: { "content-type": "application/json" } } },
      { match: { path: "/open/**", labels: { tier: "gold" } } },
      { match: { path: "/open/**", query: { tier: "gold" } } },
      { match: { path: "/open/**", methods: ["DELETE"] } },
    ]);
    expect(reply).toMatchObject({
      status: 502,
      record: { route: "route-0", reviews: [{ ending: { failure: { kind: "invalid", reason: "patch_rejected" } } }] },
    });
    expect(scene.upstream.requests).toEqual([]);
  });

  it("is invalid when only the set of bindings would change", async () => {
    const elsewhere = binding("elsewhere", {
      mode: "validate",
      selector: { routes: ["route-0"], paths: ["/open/x"], manifest: {} },
    });
    const { scene } = await sent([
      { ...OPEN, bindings: [mover({ may: [], review: allow([patch("replace", "/request/path", "/open/y")]) }), elsewhere] },
    ]);
    expect(scene.records[0]).toMatchObject({ reviews: [{ ending: { kind: "failure", failure: { reason: "patch_rejected" } } }] });
  });

  it("is invalid when it would lead nowhere, under fail-open too, where the request goes on as it was", async () => {
    const { scene, reply } = await sent([
      {
        ...OPEN,
        bindings: [
          mover({ may: [], failurePolicy: "fail-open", review: allow([patch("replace", "/request/path", "/nowhere")]) }),
        ],
      },
    ]);
    expect(reply.status).toBe(200);
    expect(scene.upstream.requests).toMatchObject([{ requestTarget: "/open/x" }]);
  });

  it("is allowed where it changes nothing that is matched on", async () => {
    const { scene } = await sent([
      {
        ...OPEN,
        bindings: [
          mover({ may: [], review: allow([patch("replace", "/request/path", "/open/other"), setHeader("x-any", "1")]) }),
        ],
      },
      ADMIN,
    ]);
    expect(scene.upstream.requests).toMatchObject([{ requestTarget: "/open/other" }]);
  });
});

describe("a granted move (C2)", () => {
  it("runs what the new route asks for and has not run: late pre-auth without a principal, then this phase, each once", async () => {
    const order: string[] = [];
    const seen = (id: string, choice: BindingChoice) =>
      binding(id, { ...choice, review: () => (order.push(id), Promise.resolve(allow())) });
    const early = seen("early", { phase: "pre-auth" });
    const lateMutator = seen("late-mutator", { phase: "pre-auth", order: [0, 1] });
    const lateValidator = seen("late-validator", { phase: "pre-auth", mode: "validate" });
    const shared = seen("shared", { order: [0, 1] });
    const mutator = seen("mutator", { order: [0, 2] });
    const validator = seen("validator", { mode: "validate" });
    const after = seen("after", { phase: "post-response" });
    const auth = [authenticator("alice")];
    const { scene, reply } = await sent(
      [
        { ...OPEN, authenticators: auth, bindings: [early, mover(), shared] },
        { ...ADMIN, authenticators: auth, bindings: [early, lateMutator, lateValidator, shared, mutator, validator, after] },
      ],
      { authorization: "alice" },
    );
    expect(reply).toMatchObject({ status: 200, record: { route: "route-1", principalId: "alice" } });
    expect(order).toEqual(["early", "shared", "late-mutator", "late-validator", "mutator", "validator", "after"]);
    expect(lateMutator.asked[0]!.subject.exchange.principal).toEqual(ANONYMOUS);
    expect(lateValidator.asked[0]!.subject.exchange.principal).toEqual(ANONYMOUS);
    expect([mutator, validator].map(({ asked }) => asked[0]!.subject.exchange.principal.id)).toEqual(["alice", "alice"]);
    expect(mutator.asked[0]!.subject.route.name).toBe("route-1");
    expect(scene.upstream.requests).toMatchObject([{ requestTarget: "/admin/x" }]);
  });

  it("asks the new route's authenticators for the client's own credential, and their principal replaces the old one", async () => {
    const forger = mover({ writes: ["/request"], review: allow([toAdmin, setHeader("x-credential", "forged")]) });
    const reads: Authenticator = {
      name: "second",
      authenticate: ({ headers }) => ({ kind: "principal", principal: principal(headers.first("x-credential") ?? "nobody") }),
    };
    const validator = binding("validator", { mode: "validate" });
    const { reply } = await sent(
      [
        { ...OPEN, authenticators: [authenticator("alice")], bindings: [forger] },
        { ...ADMIN, authenticators: [reads], bindings: [validator] },
      ],
      { authorization: "alice", "x-credential": "real" },
    );
    expect(reply.record.principalId).toBe("real");
    expect(validator.asked[0]!.subject.exchange.principal.id).toBe("real");
  });

  it("refuses whom the new route's authenticators do not know, and reaches no upstream", async () => {
    const { scene, reply } = await sent([
      { ...OPEN, bindings: [mover()] },
      { ...ADMIN, authenticators: [authenticator("root")] },
    ]);
    expect(reply).toMatchObject({ status: 401, problem: { code: "credential_missing" }, record: { principalId: "" } });
    expect(scene.upstream.requests).toEqual([]);
  });

  it("at pre-auth only changes which authenticators and bindings come after", async () => {
    const validator = binding("validator", { phase: "pre-auth", mode: "validate" });
    const { reply } = await sent(
      [
        { ...OPEN, bindings: [mover({ phase: "pre-auth" })] },
        { ...ADMIN, authenticators: [authenticator("alice")], bindings: [validator] },
      ],
      { authorization: "alice" },
    );
    expect(reply.record).toMatchObject({ route: "route-1", principalId: "alice" });
    expect(validator.asked).toHaveLength(1);
  });

  it("puts the settled request before the validators of both places, once", async () => {
    const old = binding("old", { mode: "validate", order: [0, 2] });
    const both = binding("both", { mode: "validate", order: [0, 1] });
    const fresh = binding("fresh", { mode: "validate", order: [0, 3] });
    const { reply } = await sent([
      { ...OPEN, bindings: [mover(), old, both] },
      { ...ADMIN, bindings: [both, fresh] },
    ]);
    for (const each of [old, both, fresh])
      expect(each.asked.map(({ subject }) => subject.exchange.head.path)).toEqual(["/admin/x"]);
    expect(reply.record.reviews.map(({ binding: name }) => name)).toEqual(["svc/mover", "svc/both", "svc/old", "svc/fresh"]);
  });

  it("lets a validator of the place it left deny it", async () => {
    const { scene, reply } = await sent([
      { ...OPEN, bindings: [mover(), binding("old", { mode: "validate", review: deny() })] },
      ADMIN,
    ]);
    expect(reply).toMatchObject({ status: 403, record: { ending: { decidedBy: "svc/old" } } });
    expect(scene.upstream.requests).toEqual([]);
  });

  it("runs the other mutators of the phase before it is matched again", async () => {
    const second = binding("second", {
      order: [0, 1],
      writes: ["/request/headers/x-second"],
      review: allow([setHeader("x-second", "1")]),
    });
    const { reply } = await sent([{ ...OPEN, bindings: [mover(), second] }, ADMIN]);
    expect(reply.record.reviews.map(({ binding: name }) => name)).toEqual(["svc/mover", "svc/second"]);
  });

  it("may not be followed by another one in its catch-up round", async () => {
    const again = binding("again", {
      writes: ["/request"],
      may: ["reroute"],
      review: allow([patch("replace", "/request/path", "/open/x")]),
    });
    const { scene, reply } = await sent([
      { ...OPEN, bindings: [mover()] },
      { ...ADMIN, bindings: [again] },
    ]);
    expect(reply).toMatchObject({
      status: 502,
      record: { reviews: [{}, { binding: "svc/again", ending: { failure: { kind: "invalid", reason: "patch_rejected" } } }] },
    });
    expect(scene.upstream.requests).toEqual([]);
  });

  it("lets a mutator of its catch-up round patch what leads nowhere else, though validators of the old place wait", async () => {
    const late = binding("late", { writes: ["/request"], review: allow([patch("replace", "/request/path", "/admin/y")]) });
    const { scene, reply } = await sent([
      { ...OPEN, bindings: [mover(), binding("old", { mode: "validate" })] },
      { ...ADMIN, bindings: [late] },
    ]);
    expect(reply.status).toBe(200);
    expect(scene.upstream.requests).toMatchObject([{ requestTarget: "/admin/y" }]);
  });

  it("happens again in a later phase, with a catch-up round of its own", async () => {
    const again = binding("again", {
      writes: ["/request"],
      may: ["reroute"],
      review: allow([patch("replace", "/request/path", "/last")]),
    });
    const final = binding("final");
    const { reply } = await sent([
      { ...OPEN, bindings: [mover({ phase: "pre-auth" })] },
      { ...ADMIN, bindings: [again] },
      { match: { path: "/last" }, bindings: [final] },
    ]);
    expect(reply).toMatchObject({ status: 200, record: { route: "route-2" } });
    expect(final.asked).toHaveLength(1);
  });

  it("is no move when another mutator takes it back", async () => {
    const back = binding("z-back", {
      order: [0, 1],
      writes: ["/request"],
      may: ["reroute"],
      review: allow([patch("replace", "/request/path", "/open/x")]),
    });
    const strict = binding("strict", { review: deny() });
    const { reply } = await sent([
      { ...OPEN, bindings: [mover(), back] },
      { ...ADMIN, bindings: [strict] },
    ]);
    expect(reply).toMatchObject({ status: 200, record: { route: "route-0" } });
    expect(strict.asked).toEqual([]);
  });

  it.each([
    ["404 where no route is", "/nowhere", "GET", 404, "route_not_found"],
    ["405 where the method is not allowed", "/admin/x", "GET", 405, "method_not_allowed"],
  ])("ends in %s", async (_what, path, _method, status, code) => {
    const { scene, reply } = await sent([
      { ...OPEN, bindings: [mover({ review: allow([patch("replace", "/request/path", path)]) })] },
      { match: { path: "/admin/**", methods: ["POST"] } },
    ]);
    expect(reply).toMatchObject({ status, problem: { code } });
    expect(reply.headers["allow"]).toBe(status === 405 ? "POST" : undefined);
    expect(scene.upstream.requests).toEqual([]);
  });

  it("answers 503 where the new route is guarded by an interceptor that was not described (C32)", async () => {
    const { scene, reply } = await sent([
      { ...OPEN, bindings: [mover()] },
      { ...ADMIN, guardedBy: ["slow"] },
    ]);
    expect(reply).toMatchObject({ status: 503, problem: { code: "interceptor_unavailable" } });
    expect(scene.upstream.requests).toEqual([]);
  });

  it("holds the body to the limit of the new route", async () => {
    const scene = new Scene([
      { ...OPEN, bindings: [mover()] },
      { ...ADMIN, maxBodyBytes: 3 },
    ]);
    expect(await scene.send({ method: "POST", target: "/open/x", body: "1234" })).toMatchObject({
      status: 413,
      problem: { code: "body_too_large" },
    });
    expect(scene.upstream.requests).toEqual([]);
  });

  it("strips headers that bindings of the new route own, and keeps what an owner has written (C11)", async () => {
    const owner = binding("owner", {
      ownsHeaders: ["x-tenant"],
      writes: ["/request/headers/x-tenant"],
      review: allow([setHeader("x-tenant", "acme")]),
    });
    const other = binding("other", {
      order: [0, 1],
      ownsHeaders: ["x-user"],
      writes: ["/request/headers/x-user"],
      failurePolicy: "fail-open",
      review: allow([setHeader("host", "no")]),
    });
    const { scene } = await sent(
      [
        { ...OPEN, bindings: [owner, mover({ order: [0, 5] })] },
        { ...ADMIN, bindings: [owner, other] },
      ],
      { "x-tenant": "forged", "x-user": "forged" },
    );
    const { headers } = scene.upstream.requests[0]!;
    expect(headers).toContain("acme");
    expect(headers).not.toContain("forged");
  });

  it("does not skip a budgeted slice: what was spent before it stays spent (C20)", async () => {
    const late = binding("late", { limits: { timeoutMs: 1000 } });
    const scene = new Scene(({ clock }) => [
      {
        ...OPEN,
        reviewBudgetMs: 600,
        bindings: [mover({ review: () => (clock.advance(200), Promise.resolve(allow([toAdmin]))) })],
      },
      { ...ADMIN, reviewBudgetMs: 600, bindings: [late] },
    ]);
    await scene.send({ target: "/open/x" });
    expect(late.asked[0]!.call.grantMs).toBe(400);
  });
});

describe("owned headers at ingress (C11)", () => {
  it("are taken out of what a client sends, and stay out when their owner fails open", async () => {
    const owner = binding("owner", {
      ownsHeaders: ["x-tenant"],
      writes: ["/request/headers/x-tenant"],
      failurePolicy: "fail-open",
      review: allow([setHeader("x-tenant", "acme"), setHeader("host", "no")]),
    });
    const { scene } = await sent([{ ...OPEN, bindings: [owner] }], { "x-tenant": "forged" });
    expect(owner.asked[0]!.subject.exchange.head.headers.has("x-tenant")).toBe(false);
    expect(scene.upstream.requests[0]!.headers).not.toContain("forged");
  });
});
