import { describe, expect, it } from "vitest";
import { HealthWatch } from "../../../../src/adapters/review/health-watch.ts";
import { STATUS } from "../../../../src/adapters/review/status-to-failure.ts";
import type { StreamListeners } from "../../../../src/adapters/review/stream-call.ts";
import { err, ok } from "../../../../src/model/result.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const SERVING = Buffer.of(8, 1);
const NOT_SERVING = Buffer.of(8, 2);

function setUp() {
  const clock = new FakeClock();
  const streams: (StreamListeners & { givenUp: boolean })[] = [];
  let refused = false;
  const watch = new HealthWatch((_method, _message, listeners) => {
    if (refused) return err({ code: STATUS.UNAUTHENTICATED, details: "no token" });
    const stream = { ...listeners, givenUp: false };
    streams.push(stream);
    return ok(() => (stream.givenUp = true));
  }, clock);
  const last = () => {
    const stream = streams.at(-1);
    if (stream === undefined) throw new Error("no stream was opened");
    return stream;
  };
  return { clock, watch, streams, last, refuse: (now: boolean) => (refused = now) };
}

describe("the watch of a service's health", () => {
  it("believes a service that says it does not serve, until it says that it does", () => {
    const { watch, last } = setUp();
    watch.start();
    expect(watch.isNotServing).toBe(false);
    last().onMessage(NOT_SERVING);
    expect(watch.isNotServing).toBe(true);
    last().onMessage(SERVING);
    expect(watch.isNotServing).toBe(false);
  });

  it.each([
    ["unknown", Buffer.alloc(0)],
    ["a service that is not known", Buffer.of(8, 3)],
    ["no message of its kind", Buffer.of(255, 255, 255)],
    ["fields of a later version", Buffer.of(18, 1, 2)],
  ])("judges by the connection where it says %s", (_what, message) => {
    const { watch, last } = setUp();
    watch.start();
    last().onMessage(NOT_SERVING);
    last().onMessage(message);
    expect(watch.isNotServing).toBe(false);
  });

  it("does not ask a service again that does not know the method, but over its next connection", () => {
    const { clock, watch, streams, last } = setUp();
    watch.start();
    last().onEnd({ code: STATUS.UNIMPLEMENTED, details: "" });
    clock.advance(3_600_000);
    expect(streams).toHaveLength(1);
    watch.stop();
    watch.start();
    expect(streams).toHaveLength(2);
  });

  it("opens a stream that broke again, ever later, and judges by the connection meanwhile", () => {
    const { clock, watch, streams, last } = setUp();
    watch.start();
    last().onMessage(NOT_SERVING);
    for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      last().onEnd({ code: STATUS.UNAVAILABLE, details: "" });
      expect(watch.isNotServing).toBe(false);
      const before = streams.length;
      clock.advance(pauseMs - 1);
      expect(streams).toHaveLength(before);
      clock.advance(1);
      expect(streams).toHaveLength(before + 1);
    }
  });

  it("still believes a service that says it stops and ends the stream in order", () => {
    const { watch, last } = setUp();
    watch.start();
    last().onMessage(NOT_SERVING);
    last().onEnd({ code: STATUS.OK, details: "" });
    expect(watch.isNotServing).toBe(true);
    watch.stop();
    expect(watch.isNotServing).toBe(false);
  });

  it("gives the stream up when the connection is lost, and tries again where none could be opened", () => {
    const { clock, watch, streams, last, refuse } = setUp();
    refuse(true);
    watch.start();
    expect(streams).toHaveLength(0);
    refuse(false);
    clock.advance(1_000);
    expect(streams).toHaveLength(1);
    watch.stop();
    expect(last().givenUp).toBe(true);
    expect(clock.pending).toBe(0);
  });
});
