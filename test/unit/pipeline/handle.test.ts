import { describe, expect, it } from "vitest";
import type { RunnablePlan } from "../../../src/ports/runnable-plan.ts";
import { allow, binding, setHeader, type BindingChoice } from "../../support/fake-binding.ts";
import { planOf, Scene, turn } from "../../support/pipeline.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";

describe("the life of a request", () => {
  it("forwards what nobody reviews and gives back what came", async () => {
    const scene = new Scene();
    const reply = await scene.send({ method: "POST", target: "/things?a=1", body: "hello" });
    expect(reply).toMatchObject({
      status: 200,
      text: '{"from":"upstream"}',
      record: {
        ending: { kind: "forwarded", status: 200 },
        route: "route-0",
        upstream: "origin",
        complete: true,
        requestBytes: 5,
        responseBytes: 19,
      },
    });
    expect(scene.upstream.requests).toMatchObject([{ method: "POST", requestTarget: "/things?a=1", body: "hello" }]);
  });

  it("streams a body nobody reviews in both directions: nothing of it is read here", async () => {
    const scene = new Scene();
    const body = new TrackedStream(["hello"]);
    let state = "";
    scene.upstream.send = (request) => {
      state = body.state;
      expect(request.body).toBe(body);
      return Promise.resolve(scene.upstream.respond());
    };
    const { response } = await scene.begin({ method: "POST", body }).answer;
    expect(state).toBe("untouched");
    expect(response.body).toBe(scene.upstream.bodies[0]);
    expect(scene.upstream.bodies[0]!.state).toBe("untouched");
  });

  it("answers 404 and 405 before any review, and discards the body (C1)", async () => {
    const early = binding("early", { phase: "pre-auth" });
    const scene = new Scene([{ match: { path: "/only", methods: ["GET", "POST"] }, bindings: [early] }]);
    const body = new TrackedStream(["unread"]);
    expect(await scene.send({ target: "/other", method: "POST", body })).toMatchObject({
      status: 404,
      problem: { code: "route_not_found" },
      record: { route: "", ending: { kind: "refused", decidedBy: "router" } },
    });
    expect(body.state).toBe("discarded");
    expect(await scene.send({ target: "/only", method: "DELETE" })).toMatchObject({
      status: 405,
      headers: { allow: "GET, HEAD, POST" },
      problem: { code: "method_not_allowed" },
    });
    expect(early.asked).toEqual([]);
  });

  it("answers a head that ingress refuses under its ids, records it and lets the plan go", async () => {
    const scene = new Scene();
    const body = new TrackedStream(["unread"]);
    expect(await scene.send({ method: "TRACE", body })).toMatchObject({
      status: 405,
      problem: { request_id: "req-1" },
      record: { method: "TRACE", route: "", ending: { kind: "refused", decidedBy: "ingress", code: "method_not_allowed" } },
    });
    expect(body.state).toBe("discarded");
    await scene.holder.close();
    expect(scene.retired).toBe(1);
  });

  it("closes a route while an interceptor that guards it was not described (C32)", async () => {
    const scene = new Scene([{ match: { path: "/guarded" }, guardedBy: ["tenancy"] }, {}]);
    const reply = await scene.send({ target: "/guarded" });
    expect(reply).toMatchObject({
      status: 503,
      headers: { "retry-after": "1" },
      problem: { code: "interceptor_unavailable" },
      record: { ending: { kind: "failed", decidedBy: "tenancy" } },
    });
    expect(reply.text).not.toContain("tenancy");
    expect(scene.upstream.requests).toEqual([]);
    expect(await scene.send({ target: "/other" })).toMatchObject({ status: 200 });
  });

  it.each([
    ["upstream_unreachable", 502, "failed", "origin"],
    ["upstream_timeout", 504, "failed", "origin"],
    ["upstream_invalid_response", 502, "failed", "origin"],
    ["upstream_overloaded", 503, "failed", "origin"],
    ["request_timeout", 408, "refused", "client"],
    ["bad_request", 400, "refused", "client"],
  ] as const)("answers %s of the upstream with %i and keeps the cause to the log", async (problem, status, kind, decidedBy) => {
    const scene = new Scene();
    scene.upstream.answer = () => ({ ok: false, error: { problem, cause: "10.0.0.1:8080 refused" } });
    const reply = await scene.send();
    expect(reply).toMatchObject({
      status,
      problem: { code: problem },
      record: { ending: { kind, decidedBy, cause: "10.0.0.1:8080 refused" } },
    });
    expect(reply.text).not.toContain("10.0.0.1");
  });
});

describe("a bug inside", () => {
  const internal = {
    status: 500,
    problem: { code: "internal", retryable: false, detail: "The gateway failed." },
    record: { ending: { kind: "failed", decidedBy: "gateway", source: "gateway" } },
  };
  const bug = (): never => {
    throw new Error("secret-internal-text");
  };

  it.each(["pre-auth", "pre-route", "post-response"] as const)(
    "in a review at %s answers internal, says nothing and keeps nothing",
    async (phase) => {
      const scene = new Scene([{ bindings: [binding("breaks", { phase, failurePolicy: "fail-open", review: bug })] }]);
      const body = new TrackedStream(["hello"]);
      const reply = await scene.send({ method: "POST", body });
      expect(reply).toMatchObject(internal);
      expect(reply.text + JSON.stringify(reply.headers)).not.toContain("secret-internal-text");
      expect(reply.record.ending).toHaveProperty("cause.message", "secret-internal-text");
      expect(scene.upstream.requests).toHaveLength(phase === "post-response" ? 1 : 0);
      expect([body, ...scene.upstream.bodies].every((each) => each.isOver)).toBe(true);
      await scene.holder.close();
      expect(scene.retired).toBe(1);
    },
  );

  it("in what makes the upstream's request discards the client's body", async () => {
    const scene = new Scene();
    const plan = planOf([{}], scene.upstream);
    scene.holder.swap(
      scene.generation({
        ...plan,
        match: (...args) => {
          const match = plan.match(...args);
          return match.kind === "matched" ? { kind: "matched", route: { ...match.route, toUpstream: bug } } : match;
        },
      }),
    );
    const body = new TrackedStream(["hello"]);
    expect(await scene.send({ method: "POST", body })).toMatchObject(internal);
    expect(body.state).toBe("discarded");
  });

  it.each(["throws", "rejects"])("in an upstream that %s answers internal", async (how) => {
    const scene = new Scene();
    scene.upstream.send = () => (how === "throws" ? bug() : Promise.reject(new Error("secret-internal-text")));
    const body = new TrackedStream(["hello"]);
    expect(await scene.send({ method: "POST", body })).toMatchObject(internal);
    expect(body.isOver).toBe(true);
  });

  it("in what prepares a response for the client gives that response up", async () => {
    const scene = new Scene();
    const plan = planOf([{}], scene.upstream);
    const match: RunnablePlan["match"] = (...asked) => {
      const found = plan.match(...asked);
      return found.kind === "matched" ? { ...found, route: { ...found.route, toClient: bug } } : found;
    };
    scene.holder.swap(scene.generation({ ...plan, match }));
    expect(await scene.send()).toMatchObject(internal);
    expect(scene.upstream.bodies[0]!.state).toBe("discarded");
  });

  it("before there is an exchange rejects, discards the body and lets the plan go", async () => {
    const scene = new Scene();
    scene.holder.swap(scene.generation({ ...planOf([{}], scene.upstream), receive: bug }));
    const body = new TrackedStream(["hello"]);
    await expect(scene.begin({ method: "POST", body }).answer).rejects.toThrow("secret-internal-text");
    expect(body.state).toBe("discarded");
    await scene.holder.close();
    expect(scene.retired).toBe(2);
  });

  it("in the books loses the line, not what the exchange held", async () => {
    const scene = new Scene();
    scene.records.push = bug;
    const answer = await scene.begin().answer;
    expect(() => answer.onSent({ bytes: 0, completed: true })).not.toThrow();
    expect(scene.log.events).toEqual(["record_failed"]);
    await scene.holder.close();
    expect(scene.retired).toBe(1);
  });
});

describe("one plan per exchange", () => {
  it("serves an exchange from first byte to last by the plan it began with, and retires it once, after it", async () => {
    const after = binding("after", { phase: "post-response" });
    const scene = new Scene([{ bindings: [after] }]);
    let goOn = (): void => {};
    scene.upstream.answer = () => new Promise((resolve) => (goOn = () => resolve(scene.upstream.respond())));
    const flying = scene.begin();
    await turn();
    const fresh = binding("fresh", { phase: "post-response" });
    scene.holder.swap(scene.generation(planOf([{ bindings: [fresh] }], scene.upstream, "rev-2")));
    await turn();
    expect(scene.retired).toBe(0);
    goOn();
    expect((await flying.reply()).record.revision).toBe("rev-1");
    expect([after.asked.length, fresh.asked.length]).toEqual([1, 0]);
    expect(scene.retired).toBe(1);
    scene.upstream.answer = () => scene.upstream.respond();
    expect((await scene.send()).record.revision).toBe("rev-2");
    expect([after.asked.length, fresh.asked.length]).toEqual([1, 1]);
  });

  it("keeps the plan while the response is being sent", async () => {
    const scene = new Scene();
    const answer = await scene.begin().answer;
    scene.holder.swap(scene.generation(planOf([{}], scene.upstream)));
    await turn();
    expect(scene.retired).toBe(0);
    answer.onSent({ bytes: 1, completed: true });
    await turn();
    expect(scene.retired).toBe(1);
  });
});

describe("the record of an exchange", () => {
  it("tells how many bytes of the request arrived, also where it announced no length", async () => {
    const scene = new Scene();
    const answer = await scene.begin({ method: "POST", body: new TrackedStream(["hello"], { chunked: true }) }).answer;
    answer.onSent({ bytes: 0, completed: true, requestBytes: 5 });
    expect(scene.records).toMatchObject([{ requestBytes: 5 }]);
  });

  it("says that the upstream broke its response off, and why; a client's own stall is not the upstream's", async () => {
    const scene = new Scene();
    const cause = { problem: "upstream_invalid_response", cause: "the connection was reset" };
    const broken = await scene.begin().answer;
    broken.onSent({ bytes: 3, completed: false, cause, bodyBroke: true });
    const stalled = await scene.begin().answer;
    stalled.onSent({ bytes: 3, completed: false, cause: "the client takes no bytes" });
    expect(scene.records.map(({ ending, complete }) => [ending, complete])).toEqual([
      [{ kind: "forwarded", status: 200, source: "upstream", cause: "the connection was reset" }, false],
      [{ kind: "forwarded", status: 200 }, false],
    ]);
  });
});

describe("a CORS preflight (C27)", () => {
  const preflight = (method: string) => ({
    method: "OPTIONS",
    headers: { origin: "https://app.example", "access-control-request-method": method },
  });
  const forMethods = (id: string, methods: readonly string[], choice: BindingChoice = {}) =>
    binding(id, { selector: { routes: [], methods, manifest: {} }, ...choice });

  it("is matched by the method it asks for, and reaches the upstream as what it is", async () => {
    const scene = new Scene([{ match: { methods: ["POST"] } }]);
    expect(await scene.send(preflight("POST"))).toMatchObject({ status: 200 });
    expect(scene.upstream.requests).toMatchObject([{ method: "OPTIONS" }]);
    expect(await scene.send(preflight("DELETE"))).toMatchObject({ status: 405 });
    expect(await scene.send({ method: "OPTIONS", headers: { origin: "https://app.example" } })).toMatchObject({ status: 405 });
  });

  it("is reviewed by whoever reviews either method: it is no way around a binding", async () => {
    const [posts, options, gets] = [
      forMethods("posts", ["POST"]),
      forMethods("options", ["OPTIONS"]),
      forMethods("gets", ["GET"]),
    ];
    await new Scene([{ bindings: [gets, posts, options] }]).send(preflight("POST"));
    expect([posts, options, gets].map(({ asked }) => asked.map(({ subject }) => subject.exchange.head.method))).toEqual([
      ["OPTIONS"],
      ["OPTIONS"],
      [],
    ]);
  });

  it("cannot be made of an ordinary OPTIONS by a patch without the power to reroute", async () => {
    const forges = binding("forges", {
      order: [0, 0],
      writes: ["/request/headers"],
      review: allow([setHeader("access-control-request-method", "POST")]),
    });
    const scene = new Scene([{ bindings: [forges, forMethods("posts", ["POST"], { mode: "validate" })] }]);
    expect(await scene.send({ method: "OPTIONS", headers: { origin: "https://app.example" } })).toMatchObject({ status: 502 });
  });
});

describe("warnings for the caller's developer (RFC.md §4.1)", () => {
  const warns = (id: string, choice: BindingChoice = {}) =>
    binding(id, { review: allow([], { warnings: [`${id}: caf\u00e9 `, ""] }), ...choice });

  it("are sent where the route says so, as visible ASCII", async () => {
    expect((await new Scene([{ warnings: true, bindings: [warns("one")] }]).send()).headers["sallyport-warning"]).toBe(
      "one: caf?",
    );
    expect((await new Scene([{ bindings: [warns("one")] }]).send()).headers).not.toHaveProperty("sallyport-warning");
  });

  it("on the response stay behind when its review fails: they may quote it (C17)", async () => {
    const fails = binding("fails", { phase: "post-response", order: [0, 9], review: allow([setHeader("x", "y")]) });
    const reply = await new Scene([
      { warnings: true, bindings: [warns("before"), warns("after", { phase: "post-response" }), fails] },
    ]).send();
    expect(reply).toMatchObject({ status: 502, headers: { "sallyport-warning": "before: caf?" } });
  });

  it("are 16 at most", async () => {
    const many = binding("many", { review: allow([], { warnings: Array.from({ length: 16 }, (_, index) => `w${index}`) }) });
    const { headers } = await new Scene([{ warnings: true, bindings: [many, warns("one")] }]).send();
    expect(headers["sallyport-warning"]!.split(", ")).toHaveLength(16);
  });
});

describe("the record", () => {
  it("splits the time, and what is left is the gateway's own", async () => {
    const overheads: number[] = [];
    const scene = new Scene(({ clock }) => [
      { bindings: [binding("b", { review: () => (clock.advance(30), Promise.resolve(allow())) })] },
    ]);
    const plan = scene.holder.current;
    scene.holder.swap(
      scene.generation({
        ...plan,
        match: (...args) => {
          const match = plan.match(...args);
          return match.kind === "matched"
            ? {
                kind: "matched",
                route: {
                  ...match.route,
                  instruments: { ...match.route.instruments, overhead: { observe: (value) => void overheads.push(value) } },
                },
              }
            : match;
        },
      }),
    );
    scene.upstream.answer = () => (scene.clock.advance(200), scene.upstream.respond());
    const answer = await scene.begin().answer;
    scene.clock.advance(5000);
    answer.onSent({ bytes: 1, completed: true });
    expect(scene.records).toMatchObject([{ latency: { reviewMs: 30, upstreamMs: 200, totalMs: 5230 } }]);
    expect(overheads).toEqual([0]);
  });

  it("names the client's own path and method, and the final route", async () => {
    const mover = binding("mover", {
      writes: ["/request"],
      may: ["reroute"],
      review: allow([{ op: "replace", path: "/request/path", value: "/admin" }]),
    });
    const { record } = await new Scene([{ match: { path: "/open" }, bindings: [mover] }, { match: { path: "/admin" } }]).send({
      target: "/open?secret=1",
    });
    expect(record).toMatchObject({ path: "/open", method: "GET", route: "route-1", revision: "rev-1" });
    expect(JSON.stringify(record)).not.toContain("secret=1");
  });
});

it("gives each review an id the client cannot choose (C6)", async () => {
  const seen = binding("seen");
  const scene = new Scene([{ bindings: [seen] }]);
  for (let i = 0; i < 2; i += 1) await scene.send({ headers: { "x-request-id": "chosen" } });
  const ids = seen.asked.map(({ call }) => call.reviewId);
  expect(new Set(ids).size).toBe(2);
  expect(ids.every((id) => id.endsWith(":pre-route:svc/seen"))).toBe(true);
});
