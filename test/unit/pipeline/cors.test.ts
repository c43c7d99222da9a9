import { describe, expect, it } from "vitest";
import type { CorsPlan } from "../../../src/model/route-plan.ts";
import { allow, binding, deny, setHeader } from "../../support/fake-binding.ts";
import { Scene, type RouteChoice } from "../../support/pipeline.ts";

const PAGE = "https://app.example";

const CORS: CorsPlan = {
  origins: [PAGE],
  methods: undefined,
  headers: undefined,
  expose: [],
  maxAgeMs: 60_000,
  credentials: true,
  privateNetwork: false,
};

const preflight = (method: string, origin = PAGE) => ({
  method: "OPTIONS",
  headers: { origin, "access-control-request-method": method },
});

const readable = { "access-control-allow-origin": PAGE, "access-control-allow-credentials": "true", vary: "origin" };

describe("a route with cors (C27)", () => {
  it("answers a preflight itself: nobody is asked, neither interceptor nor authenticator nor upstream", async () => {
    const bindings = (["pre-auth", "pre-route", "post-response"] as const).map((phase) => binding(phase, { phase }));
    const observer = binding("observer", { phase: "pre-auth", mode: "observe" });
    const authenticator = { name: "keys", authenticate: () => ({ kind: "absent" as const }) };
    const scene = new Scene([{ cors: CORS, bindings: [...bindings, observer], authenticators: [authenticator] }]);
    expect(await scene.send(preflight("PUT"))).toMatchObject({
      status: 204,
      text: "",
      headers: {
        "access-control-allow-origin": PAGE,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "PUT",
        "access-control-max-age": "60",
        "x-request-id": "req-1",
      },
      record: { route: "route-0", upstream: "", ending: { kind: "responded", status: 204, decidedBy: "cors" }, reviews: [] },
    });
    expect(bindings.flatMap(({ asked }) => asked)).toEqual([]);
    expect([scene.upstream.requests, scene.observations, scene.shadows]).toEqual([[], [], []]);
    await scene.holder.close();
    expect(scene.retired).toBe(1);
  });

  it("forbids a preflight of a page that is not listed, and gives it nothing to read", async () => {
    const scene = new Scene([{ cors: CORS }]);
    const reply = await scene.send(preflight("PUT", "https://evil.test"));
    expect(reply).toMatchObject({
      status: 403,
      problem: { code: "forbidden" },
      record: { ending: { kind: "refused", decidedBy: "cors", source: "client" } },
    });
    expect(reply.headers).not.toHaveProperty("access-control-allow-origin");
    expect(scene.upstream.requests).toEqual([]);
  });

  it("is found by the method a preflight asks for: each method has the policy of its own route", async () => {
    const scene = new Scene([
      { match: { methods: ["GET"] }, cors: { ...CORS, origins: ["https://other.example"] } },
      { match: { methods: ["PUT"] }, cors: CORS },
    ]);
    expect(await scene.send(preflight("PUT"))).toMatchObject({ status: 204 });
    expect(await scene.send(preflight("GET"))).toMatchObject({ status: 403 });
    expect(await scene.send(preflight("DELETE"))).toMatchObject({ status: 405 });
  });

  it("answers a preflight while an interceptor that guards it was not described: the page is told so by the request itself", async () => {
    const scene = new Scene([{ cors: CORS, guardedBy: ["tenancy"] }]);
    expect(await scene.send(preflight("PUT"))).toMatchObject({ status: 204 });
    expect(await scene.send({ headers: { origin: PAGE } })).toMatchObject({ status: 503, headers: readable });
  });

  it("treats any other OPTIONS as an ordinary request", async () => {
    const early = binding("early", { phase: "pre-auth" });
    const scene = new Scene([{ cors: CORS, bindings: [early] }]);
    expect(await scene.send({ method: "OPTIONS", headers: { origin: PAGE } })).toMatchObject({ status: 200, headers: readable });
    expect(early.asked).toHaveLength(1);
  });

  it.each<[string, number, RouteChoice]>([
    ["a denial before authentication", 403, { bindings: [binding("no", { phase: "pre-auth", review: deny({}) })] }],
    ["a denial of a response", 403, { bindings: [binding("no", { phase: "post-response", review: deny({}) })] }],
    ["a missing credential", 401, { authenticators: [{ name: "keys", authenticate: () => ({ kind: "absent" }) }] }],
    ["a review that fails", 502, { bindings: [binding("bad", { review: allow([setHeader("x", "y")]) })] }],
    ["a body over the limit", 413, { maxBodyBytes: 1 }],
    [
      "a bug inside",
      500,
      {
        bindings: [
          binding("bug", {
            review: () => {
              throw new Error("bug");
            },
          }),
        ],
      },
    ],
    ["an ordinary answer", 200, {}],
  ])("lets its pages read %s", async (_what, status, route) => {
    const scene = new Scene([{ cors: CORS, ...route }]);
    const headers = { origin: PAGE };
    expect(await scene.send({ method: "POST", headers, body: "hello" })).toMatchObject({ status, headers: readable });
    const other = await scene.send({ method: "POST", headers: { origin: "https://evil.test" }, body: "hello" });
    expect(other).toMatchObject({ status, headers: { vary: "origin" } });
    expect(other.headers).not.toHaveProperty("access-control-allow-origin");
  });

  it.each([
    ["upstream_unreachable", 502],
    ["upstream_timeout", 504],
    ["upstream_overloaded", 503],
  ] as const)("lets its pages read %s", async (problem, status) => {
    const scene = new Scene([{ cors: CORS }]);
    scene.upstream.answer = () => ({ ok: false, error: { problem, cause: "down" } });
    expect(await scene.send({ headers: { origin: PAGE } })).toMatchObject({ status, headers: readable });
  });

  it("decides alone: what the upstream says of CORS is gone, on errors it passes too", async () => {
    const scene = new Scene([{ cors: CORS, upstreamErrors: { client: "verbatim", server: "opaque" } }]);
    for (const status of [200, 404, 500]) {
      scene.upstream.answer = () =>
        scene.upstream.respond({
          status,
          headers: [
            ["access-control-allow-origin", "https://evil.test"],
            ["access-control-allow-headers", "x-inner"],
            ["vary", "accept"],
          ],
        });
      const reply = await scene.send({ headers: { origin: PAGE } });
      expect(reply).toMatchObject({ status, headers: { ...readable, vary: "accept, origin" } });
      expect(reply.headers).not.toHaveProperty("access-control-allow-headers");
    }
  });

  it("goes by what the browser sent: no patch changes the origin it is answered for", async () => {
    const forges = binding("forges", { writes: ["/request/headers/origin"], review: allow([setHeader("origin", PAGE)]) });
    const scene = new Scene([{ cors: CORS, bindings: [forges] }]);
    const reply = await scene.send({ headers: { origin: "https://evil.test" } });
    expect(reply).toMatchObject({ status: 200 });
    expect(scene.upstream.requests[0]?.headers).toContain(PAGE);
    expect(reply.headers).not.toHaveProperty("access-control-allow-origin");
  });

  it("is the one the request ends on, after a granted patch has moved it", async () => {
    const moves = binding("moves", {
      writes: ["/request/path"],
      may: ["reroute"],
      review: allow([{ op: "replace", path: "/request/path", value: "/new" }]),
    });
    const scene = new Scene([
      { match: { path: "/old" }, cors: { ...CORS, origins: ["https://other.example"] }, bindings: [moves] },
      { match: { path: "/new" }, cors: CORS },
    ]);
    expect(await scene.send({ target: "/old", headers: { origin: PAGE } })).toMatchObject({ status: 200, headers: readable });
  });
});

describe("a route without cors", () => {
  it("leaves CORS to browser and upstream", async () => {
    const scene = new Scene();
    const said = { "access-control-allow-origin": "*", "access-control-allow-methods": "PUT" };
    scene.upstream.answer = () => scene.upstream.respond({ status: 204, headers: Object.entries(said), body: undefined });
    const reply = await scene.send(preflight("PUT"));
    expect(reply).toMatchObject({ status: 204, headers: said });
    expect(reply.headers).not.toHaveProperty("vary");
    expect(scene.upstream.requests).toMatchObject([{ method: "OPTIONS" }]);
  });
});
