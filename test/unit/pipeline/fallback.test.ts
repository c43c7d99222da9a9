import { describe, expect, it } from "vitest";
import { err } from "../../../src/model/result.ts";
import { upstreamRequests } from "../../../src/policies/forward/to-upstream-request.ts";
import type { FallbackUpstream } from "../../../src/ports/runnable-plan.ts";
import type { Upstream, UpstreamFailure } from "../../../src/ports/upstream.ts";
import { isStream } from "../../../src/model/byte-stream.ts";
import { allow, binding, setHeader } from "../../support/fake-binding.ts";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { Scene, type RouteChoice } from "../../support/pipeline.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";

/** An upstream that fails before it looks at the request, as one does that cannot be reached. */
const failing = (failure: Partial<UpstreamFailure> = {}): Upstream => ({
  send: async ({ body }) => {
    if (isStream(body)) body.discard();
    return err({ problem: "upstream_unreachable", cause: "refused", mayBeSentElsewhere: true, ...failure });
  },
  async [Symbol.asyncDispose]() {},
});

/** One that stands in, and how often it was asked to. */
function standIn(name: string, upstream: Upstream): FallbackUpstream & { uses: number } {
  const self = {
    name,
    upstream,
    uses: 0,
    used: { add: () => void (self.uses += 1) },
    toUpstream: upstreamRequests({
      inboundSlots: [],
      credential: { slot: { kind: "bearer" }, reveal: () => `secret of ${name}` },
    }),
  };
  return self;
}

/** A scene whose own upstream reads requests and fails. */
function sceneOf(failure: Partial<UpstreamFailure>, route: RouteChoice): Scene {
  const scene = new Scene([route]);
  scene.upstream.answer = () => err({ problem: "upstream_unreachable", cause: "refused", mayBeSentElsewhere: true, ...failure });
  return scene;
}

describe("a fallback", () => {
  it("asks no binding again, and shows post-response only the response that was chosen (C5)", async () => {
    const before = binding("before", {
      phase: "pre-route",
      writes: ["/request/headers/x-marker"],
      review: allow([setHeader("x-marker", "reviewed")]),
    });
    const after = binding("after", { phase: "post-response", mode: "validate" });
    const spare = new FakeUpstream();
    spare.answer = () => spare.respond({ status: 203 });
    const fallback = standIn("spare", spare);
    const scene = sceneOf({}, { bindings: [before, after], fallbacks: [fallback] });
    const reply = await scene.send({ headers: { "x-client": "a" } });
    expect(reply.status).toBe(203);
    expect([before.asked.length, after.asked.length]).toEqual([1, 1]);
    expect(after.asked[0]?.subject.exchange.response?.status).toBe(203);
    for (const { requests } of [scene.upstream, spare])
      expect(requests[0]?.headers.filter((text) => text === "x-marker")).toHaveLength(1);
    expect(reply.record).toMatchObject({ upstream: "spare", ending: { kind: "forwarded" } });
    expect(fallback.uses).toBe(1);
  });

  it("is sent the credential of its own upstream", async () => {
    const spare = new FakeUpstream();
    const scene = sceneOf({}, { fallbacks: [standIn("spare", spare)] });
    await scene.send();
    expect(scene.upstream.requests[0]?.headers).not.toContain("authorization");
    expect(spare.requests[0]?.headers).toEqual(expect.arrayContaining(["authorization", "Bearer secret of spare"]));
  });

  it("is not asked where the upstream may have acted, and the failure is the upstream's", async () => {
    const spare = new FakeUpstream();
    const scene = sceneOf(
      { problem: "upstream_invalid_response", mayBeSentElsewhere: false },
      { fallbacks: [standIn("spare", spare)] },
    );
    const reply = await scene.send();
    expect(reply.status).toBe(502);
    expect(spare.requests).toEqual([]);
    expect(reply.record.upstream).toBe("origin");
  });

  it("is not asked once bytes of a body were read that cannot be had again", async () => {
    const spare = new FakeUpstream();
    // the fake reads the whole body before it answers
    const scene = sceneOf({}, { fallbacks: [standIn("spare", spare)] });
    const body = new TrackedStream(["one", "two"]);
    expect((await scene.send({ method: "POST", body })).status).toBe(502);
    expect(spare.requests).toEqual([]);
    expect(body.state).toBe("ended");
  });

  it("gets the body whole that nobody began to read, after as many failures as there are", async () => {
    const spare = new FakeUpstream();
    const fallbacks = [standIn("a", failing()), standIn("b", failing()), standIn("c", spare)];
    const scene = new Scene([{ fallbacks }]);
    scene.upstream.send = (...sent) => failing().send(...sent);
    const body = new TrackedStream(["one", "two"]);
    expect((await scene.send({ method: "POST", body })).status).toBe(200);
    expect(spare.requests[0]?.body).toBe("onetwo");
    expect(fallbacks.map(({ uses }) => uses)).toEqual([1, 1, 1]);
  });

  it("that fails as well gives the body up, and the client the last failure", async () => {
    const scene = new Scene([{ fallbacks: [standIn("a", failing({ problem: "upstream_overloaded" }))] }]);
    scene.upstream.send = (...sent) => failing().send(...sent);
    const body = new TrackedStream(["one"]);
    const reply = await scene.send({ method: "POST", body });
    expect(reply.problem).toMatchObject({ status: 503, code: "upstream_overloaded" });
    expect(body.state).toBe("discarded");
    expect(reply.record).toMatchObject({ upstream: "a", ending: { decidedBy: "a" } });
  });

  it.each([
    ["gRPC", { "content-type": "application/grpc", "grpc-timeout": "100m" }],
    ["Connect", { "content-type": "application/connect+proto", "connect-timeout-ms": "100" }],
  ])("is not asked where the deadline of a call of %s passed on the way to it", async (name, headers) => {
    const spare = new FakeUpstream();
    const scene = new Scene([{ fallbacks: [standIn("spare", spare)] }]);
    scene.upstream.send = (...sent) => {
      scene.clock.advance(101);
      return failing().send(...sent);
    };
    const body = new TrackedStream(["one"], { chunked: true });
    const reply = await scene.send({ method: "POST", headers, body });
    expect(spare.requests).toEqual([]);
    if (name === "gRPC") expect(reply.headers["grpc-status"]).toBe("4");
    else expect(JSON.parse(reply.text.slice(5))).toMatchObject({ error: { code: "deadline_exceeded" } });
    expect(body.state).toBe("discarded");
    expect(reply.record).toMatchObject({ upstream: "origin" });
  });

  it("is asked with what is left of the deadline of a call", async () => {
    const spare = new FakeUpstream();
    const scene = new Scene([{ fallbacks: [standIn("spare", spare)] }]);
    scene.upstream.send = (...sent) => {
      scene.clock.advance(60);
      return failing().send(...sent);
    };
    await scene.send({ method: "POST", headers: { "content-type": "application/grpc", "grpc-timeout": "200m" } });
    const headers = spare.requests[0]?.headers ?? [];
    expect(headers[headers.indexOf("grpc-timeout") + 1]).toBe("140m");
  });

  it("is not asked for a client that left", async () => {
    const spare = new FakeUpstream();
    const scene = new Scene([{ fallbacks: [standIn("spare", spare)] }]);
    scene.upstream.answer = (_request, cancel) =>
      new Promise((resolve) =>
        cancel.onAbort(() => resolve(err({ problem: "upstream_unreachable", cause: "cancelled", mayBeSentElsewhere: true }))),
      );
    const flying = scene.begin();
    while (scene.upstream.requests.length === 0) await scene.until(Promise.resolve());
    flying.leave();
    await flying.reply();
    expect(spare.requests).toEqual([]);
  });
});
