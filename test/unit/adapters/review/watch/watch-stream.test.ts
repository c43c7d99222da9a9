import { Event, WatchRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { METHODS } from "@sallyport/contract/wire.ts";
import { beforeEach, describe, expect, it } from "vitest";
import type { StreamListeners } from "../../../../../src/adapters/review/stream-call.ts";
import { PacedLog } from "../../../../../src/adapters/review/watch/paced-log.ts";
import { WatchStream } from "../../../../../src/adapters/review/watch/watch-stream.ts";
import { err, ok } from "../../../../../src/model/result.ts";
import { FakeClock } from "../../../../support/fake-clock.ts";
import { MemoryLog } from "../../../../support/memory-log.ts";

/** A channel in the test's own hands: every stream asked for, and whether it was given up. */
class ScriptedChannel {
  readonly streams: { readonly method: string; readonly message: Buffer; readonly tell: StreamListeners; givenUp: boolean }[] =
    [];
  refuses = false;

  readonly open = (method: string, message: Buffer, tell: StreamListeners) => {
    if (this.refuses) return err({ code: 16, details: "no credential" });
    const stream = { method, message, tell, givenUp: false };
    this.streams.push(stream);
    return ok(() => void (stream.givenUp = true));
  };

  get last() {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error("nothing was opened");
    return stream;
  }
}

const CHANGED = Buffer.from(Event.encode({ kind: { $case: "manifestChanged", value: {} } }).finish());
const revoking = (...tags: string[]): Buffer =>
  Buffer.from(Event.encode({ kind: { $case: "revoke", value: { tags } } }).finish());

describe("the Watch of one endpoint", () => {
  let clock: FakeClock;
  let channel: ScriptedChannel;
  let log: MemoryLog;
  let heard: string[];
  let risen: number;
  let watch: WatchStream;

  beforeEach(() => {
    clock = new FakeClock();
    channel = new ScriptedChannel();
    log = new MemoryLog();
    heard = [];
    risen = 0;
    watch = new WatchStream(channel.open, {
      gatewayId: "gw",
      clock,
      log: new PacedLog(log, clock, { interceptor: "tenancy", endpoint: "grpc://x:1" }),
      listeners: {
        onManifestChanged: () => heard.push("changed"),
        onRevoke: (tags) => heard.push(`revoke ${tags.join(" ")}`),
        onUp: () => (risen += 1),
        onDown: () => heard.push("down"),
      },
    });
  });

  it("says who asks, and is up once the service took the call", () => {
    watch.start(false);
    expect(channel.last.method).toBe(METHODS.watch);
    expect(WatchRequest.decode(channel.last.message)).toEqual({ gatewayId: "gw" });
    expect(watch.isUp).toBe(false);
    channel.last.tell.onHeaders?.();
    expect([watch.isUp, heard, risen]).toEqual([true, [], 1]);
  });

  it("passes on what it hears", () => {
    watch.start(false);
    channel.last.tell.onHeaders?.();
    channel.last.tell.onMessage(CHANGED);
    channel.last.tell.onMessage(revoking("a", "b"));
    expect(heard).toEqual(["changed", "revoke a b"]);
  });

  it("wants a Describe once it is up, where one was sent before it", () => {
    watch.start(true);
    expect(heard).toEqual([]);
    channel.last.tell.onHeaders?.();
    expect(heard).toEqual(["changed"]);
  });

  it("comes back after it ended, later and later, and wants a Describe then, since a change may have been missed", () => {
    watch.start(false);
    const pauses = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      channel.last.tell.onHeaders?.();
      channel.last.tell.onEnd({ code: 14, details: "gone" });
      expect(watch.isUp).toBe(false);
      const opened = channel.streams.length;
      const fromMs = clock.nowMs();
      while (channel.streams.length === opened) clock.advance(50);
      pauses.push(clock.nowMs() - fromMs);
    }
    expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    expect(heard).toEqual(["down", ...Array.from({ length: 7 }, () => ["changed", "down"]).flat()]);
  });

  it("comes back soon where the one before has lasted", () => {
    watch.start(false);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      channel.last.tell.onEnd({ code: 14, details: "gone" });
      clock.advance(5_000);
    }
    channel.last.tell.onHeaders?.();
    clock.advance(5_000);
    channel.last.tell.onEnd({ code: 0, details: "" });
    const opened = channel.streams.length;
    clock.advance(100);
    expect(channel.streams.length).toBe(opened + 1);
  });

  it.each([
    ["cannot be read", Buffer.of(0xff, 0xff)],
    ["is too large", Buffer.alloc(64 * 1024 + 1)],
    ["revokes a tag that cannot be", revoking("")],
  ])("is given up where an event %s: nobody knows what was missed", (_what, bytes) => {
    watch.start(false);
    const { last } = channel;
    last.tell.onHeaders?.();
    last.tell.onMessage(bytes);
    expect([last.givenUp, watch.isUp, heard]).toEqual([true, false, ["down"]]);
    expect(log.lines.filter(({ event }) => event === "watch_ended")).toHaveLength(1);
    clock.advance(100);
    expect(channel.streams).toHaveLength(2);
  });

  it("polls every 30 s where the service does not offer it, and asks again over the next connection", () => {
    watch.start(false);
    channel.last.tell.onEnd({ code: 12, details: "unknown" });
    clock.advance(29_999);
    expect(heard).toEqual([]);
    clock.advance(1);
    expect(heard).toEqual(["changed"]);
    clock.advance(60_000);
    expect([heard, channel.streams.length, watch.isUp]).toEqual([["changed", "changed", "changed"], 1, false]);
    watch.stop();
    clock.advance(60_000);
    expect(heard).toHaveLength(3);
    watch.start(false);
    expect(channel.streams).toHaveLength(2);
  });

  it("belongs to one connection: another one means another stream", () => {
    watch.start(false);
    const first = channel.last;
    first.tell.onHeaders?.();
    watch.start(false);
    expect([first.givenUp, watch.isUp, heard, channel.streams.length]).toEqual([true, false, ["down"], 2]);
  });

  it("tries again where it may not be opened, and stops where there is no connection", () => {
    channel.refuses = true;
    watch.start(false);
    clock.advance(10_000);
    channel.refuses = false;
    clock.advance(5_000);
    expect(channel.streams).toHaveLength(1);
    watch.stop();
    expect([channel.last.givenUp, clock.pending]).toEqual([true, 0]);
  });

  it("writes no more than a line a second about ends", () => {
    watch.start(false);
    for (let attempt = 0; attempt < 4; attempt += 1) {
      channel.last.tell.onEnd({ code: 14, details: "gone" });
      clock.advance(800);
    }
    const lines = log.lines.filter(({ event }) => event === "watch_ended");
    expect(lines.length).toBeLessThanOrEqual(3);
    expect(lines[0]).toMatchObject({ fields: { interceptor: "tenancy", endpoint: "grpc://x:1" } });
  });
});
