import { describe, expect, it } from "vitest";
import { BodyFailure } from "../../../src/model/body-failure.ts";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { isStream } from "../../../src/model/byte-stream.ts";
import { err, ok } from "../../../src/model/result.ts";
import { upstreamRequests } from "../../../src/policies/forward/to-upstream-request.ts";
import type { FallbackUpstream } from "../../../src/ports/runnable-plan.ts";
import type { UpstreamFailure } from "../../../src/ports/upstream.ts";
import { HandStream } from "../../support/byte-flow.ts";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { Scene } from "../../support/pipeline.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";

const FULL: UpstreamFailure = { problem: "upstream_overloaded", cause: "full", mayBeSentElsewhere: true };

const UNREACHABLE: UpstreamFailure = { problem: "upstream_unreachable", cause: "refused", mayBeSentElsewhere: true };

/** Makes an upstream hold what it is asked, and tells its places. */
function holding(upstream: FakeUpstream, { maxBytes = 100, isFull = false } = {}) {
  const seen = { taken: 0, reserved: 0, isStream: false, reservedWhenAsked: 0 };
  upstream.holds = () => ({
    maxBytes,
    reserve() {
      if (isFull) return err(FULL);
      seen.reserved += 1;
      seen.taken += 1;
      return ok(() => void (seen.taken -= 1));
    },
  });
  const send = upstream.send.bind(upstream);
  upstream.send = (request, cancel) => {
    seen.isStream = isStream(request.body);
    seen.reservedWhenAsked = seen.taken;
    return send(request, cancel);
  };
  return seen;
}

const standIn = (upstream: FakeUpstream): FallbackUpstream => ({
  name: "spare",
  upstream,
  used: { add() {} },
  toUpstream: upstreamRequests({ inboundSlots: [], credential: undefined }),
});

const post = (scene: Scene, body: TrackedStream) => scene.send({ method: "POST", body });

describe("an upstream that holds what it is asked", () => {
  it("is given the body as bytes, counted in the process's room until the exchange is over", async () => {
    const scene = new Scene();
    const seen = holding(scene.upstream);
    let taken = 0;
    scene.upstream.answer = () => {
      taken = scene.room.takenBytes;
      return scene.upstream.respond();
    };
    expect(await post(scene, new TrackedStream(["one", "two"], { chunked: true }))).toMatchObject({ status: 200 });
    expect(scene.upstream.requests).toMatchObject([{ body: "onetwo" }]);
    expect([seen.isStream, taken, scene.room.takenBytes]).toEqual([false, 6, 0]);
  });

  it("gives that room back as soon as a stream answers, which may take hours, where nobody is to be shown the body again", async () => {
    const scene = new Scene();
    holding(scene.upstream);
    const stream = new HandStream();
    const answered = Promise.withResolvers<number>();
    scene.upstream.answer = () => {
      answered.resolve(scene.room.takenBytes);
      return ok({ status: 200, headers: HeaderLines.EMPTY, body: stream });
    };
    const flying = scene.begin({ method: "POST", body: new TrackedStream(["one", "two"], { chunked: true }) });
    expect(await answered.promise).toBe(6);
    const reply = flying.reply();
    await expect.poll(() => stream.sink).toBeDefined();
    expect(scene.room.takenBytes).toBe(0);
    stream.sink?.end();
    expect((await reply).status).toBe(200);
  });

  it("has a place taken while the body is on its way, which is free again when it is asked", async () => {
    const scene = new Scene();
    const seen = holding(scene.upstream);
    const flying = scene.begin({ method: "POST", body: new TrackedStream(["one"], { stalls: true, chunked: true }) });
    await Promise.resolve();
    expect(seen.taken).toBe(1);
    flying.leave();
    expect((await flying.reply()).status).toBe(499);
    expect([seen.taken, scene.room.takenBytes]).toEqual([0, 0]);
    await post(scene, new TrackedStream(["one"]));
    expect(seen).toMatchObject({ reserved: 2, reservedWhenAsked: 0 });
  });

  it("without a free place refuses, with the body unread, or leaves it to one that stands in", async () => {
    const alone = new Scene();
    holding(alone.upstream, { isFull: true });
    const body = new TrackedStream(["one"]);
    expect((await post(alone, body)).problem).toMatchObject({ status: 503, code: "upstream_overloaded" });
    expect(body.state).toBe("discarded");
    const spare = new FakeUpstream();
    const scene = new Scene([{ fallbacks: [standIn(spare)] }]);
    holding(scene.upstream, { isFull: true });
    expect((await post(scene, new TrackedStream(["one"]))).status).toBe(200);
    expect(spare.requests).toMatchObject([{ body: "one" }]);
  });

  it("leaves the body at hand for whoever stands in for it", async () => {
    const spare = new FakeUpstream();
    const seen = holding(spare);
    const scene = new Scene([{ fallbacks: [standIn(spare)] }]);
    holding(scene.upstream);
    scene.upstream.answer = () => err(UNREACHABLE);
    expect((await post(scene, new TrackedStream(["one", "two"], { chunked: true }))).status).toBe(200);
    expect(spare.requests).toMatchObject([{ body: "onetwo" }]);
    expect(seen.isStream).toBe(false);
  });

  const long = ["x".repeat(60)];
  const halves = ["x".repeat(30), "x".repeat(30)];

  it.each([
    ["announces more than it may have", new TrackedStream(long), { maxBytes: 50 }, 413, "body_too_large"],
    ["turns out larger", new TrackedStream(halves, { chunked: true }), { maxBytes: 50 }, 413, "body_too_large"],
    ["announces more than there is room for", new TrackedStream(long), { roomBytes: 50 }, 503, "gateway_overloaded"],
    [
      "finds no room on its way",
      new TrackedStream(["x".repeat(80_000), "x".repeat(80_000)], { chunked: true }),
      { roomBytes: 100_000, maxBytes: 300_000 },
      503,
      "gateway_overloaded",
    ],
    ["breaks off", new TrackedStream(["one"], { breaksWith: "gone" }), {}, 400, "bad_request"],
    [
      "is late",
      new TrackedStream(["one"], { breaksWith: new BodyFailure("request_timeout", "Late.") }),
      {},
      408,
      "request_timeout",
    ],
  ] as const)("is not asked where the body %s", async (_name, body, limits, status, code) => {
    const { roomBytes, maxBytes } = { roomBytes: 100, maxBytes: 100, ...limits };
    const scene = new Scene([{}], { roomBytes });
    const seen = holding(scene.upstream, { maxBytes });
    expect((await post(scene, body)).problem).toMatchObject({ status, code });
    expect(scene.upstream.requests).toEqual([]);
    expect(body.isOver).toBe(true);
    expect([seen.taken, scene.room.takenBytes]).toEqual([0, 0]);
  });

  it("takes room for its answer too; without, nothing invites a repeat", async () => {
    const scene = new Scene([{}], { roomBytes: 1000 });
    holding(scene.upstream, { maxBytes: 2000 });
    scene.upstream.answer = () =>
      scene.upstream.room?.reach(900) === true && scene.upstream.room.reach(1001)
        ? scene.upstream.respond()
        : err({ problem: "gateway_overloaded", cause: "no room" });
    const { problem } = await scene.send();
    expect(problem).toMatchObject({ status: 502, code: "gateway_overloaded", retryable: false });
    expect(scene.room.takenBytes).toBe(0);
  });
});
