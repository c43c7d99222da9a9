import { describe, expect, it } from "vitest";
import { CancelSource } from "../../../src/model/cancel.ts";
import type { ByteStream, Flow } from "../../../src/model/byte-stream.ts";
import { WebSocketRelay, type FinalWord } from "../../../src/pipeline/websocket-relay.ts";
import { RecordingSink } from "../../support/byte-flow.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { TrackedSource } from "../../support/tracked-source.ts";
import { closePayload, frameBytes, OPCODES } from "../../support/websocket-peer.ts";

const IDLE_MS = 60_000;

/** A relay between two ends driven by hand. */
function scene(appetite = Number.POSITIVE_INFINITY) {
  const clock = new FakeClock();
  const fromUpstream = new TrackedSource();
  const fromClient = new TrackedSource();
  const atClient = new RecordingSink(appetite);
  const atUpstream = new RecordingSink(appetite);
  const words: FinalWord[] = [];
  let toUpstream: Flow | undefined;
  const relay = new WebSocketRelay({
    clock,
    cancel: new CancelSource(),
    fromUpstream,
    tunnel: { open: (stream: ByteStream) => void (toUpstream = stream.pipe(atUpstream)) },
    compressed: false,
    maxMessageBytes: 1000,
    idleMs: IDLE_MS,
    onClosing: (word) => void words.push(word),
  });
  const open = () => {
    const toClient = relay.toClient.pipe(atClient);
    relay.tunnel.open(fromClient);
    return { toClient, toUpstream };
  };
  return { clock, fromUpstream, fromClient, atClient, atUpstream, words, relay, open };
}

const closeOf = (sink: RecordingSink): number | undefined => {
  const bytes = Buffer.concat(sink.chunks);
  const at = bytes.lastIndexOf(0x88);
  if (at < 0) return undefined;
  const isMasked = (bytes[at + 1] ?? 0) >= 0x80;
  const code = bytes.readUInt16BE(at + (isMasked ? 6 : 2));
  return isMasked ? code ^ bytes.readUInt16BE(at + 2) : code;
};

describe("an open WebSocket between its two ends", () => {
  it("passes frames on, and backpressure back", () => {
    const { fromUpstream, atClient, open } = scene(1);
    const { toClient } = open();
    expect(fromUpstream.write(frameBytes(OPCODES.text, "a", false))).toBe(false);
    expect(fromUpstream.resumed).toBe(0);
    atClient.feed(5, toClient);
    expect(fromUpstream.resumed).toBe(1);
    expect(fromUpstream.write(frameBytes(OPCODES.text, "b", false))).toBe(true);
    expect(atClient.byteCount).toBe(6);
  });

  it("is closed by neither when one end closes: the other has a while to follow, then both are let go", () => {
    const { clock, fromUpstream, fromClient, atClient, atUpstream, relay, open } = scene();
    open();
    fromClient.write(frameBytes(OPCODES.close, closePayload(1000), true));
    expect(closeOf(atUpstream)).toBe(1000);
    clock.advance(9_999);
    expect(atUpstream.endings).toBe(0);
    clock.advance(1);
    expect([atUpstream.endings, atClient.endings]).toEqual([1, 1]);
    clock.advance(1_000);
    expect([fromClient.cancelled, fromUpstream.cancelled]).toEqual([true, true]);
    expect(fromClient.cause).toBeUndefined();
    expect(relay.outcome).toEqual({ by: "client", end: "client", code: 1000 });
    expect(clock.pending).toBe(0);
  });

  it("drops what an end sends behind its close frame, and does not take that for a sign of life", () => {
    const { clock, fromClient, atUpstream, open } = scene();
    open();
    fromClient.write(frameBytes(OPCODES.close, "", true));
    const bytes = atUpstream.byteCount;
    for (let i = 0; i < 10; i += 1) {
      clock.advance(1_000);
      fromClient.write(frameBytes(OPCODES.text, "more", true));
    }
    expect(atUpstream.byteCount).toBe(bytes);
    expect(atUpstream.endings).toBe(1);
  });

  it("is closed when nothing passes for too long; anything at all puts that off", () => {
    const { clock, fromUpstream, atClient, atUpstream, words, relay, open } = scene();
    open();
    clock.advance(IDLE_MS - 1);
    fromUpstream.write(frameBytes(OPCODES.ping, "", false));
    clock.advance(IDLE_MS - 1);
    expect(words).toEqual([]);
    clock.advance(1);
    expect([closeOf(atClient), closeOf(atUpstream)]).toEqual([1001, 1001]);
    expect(relay.outcome).toEqual({ by: "gateway", end: "idle", code: 1001 });
    expect(words).toMatchObject([{ problem: "request_timeout" }]);
  });

  it("is closed for good a moment after the gateway's last word, and its client's connection cut", () => {
    const { clock, fromUpstream, fromClient, atClient, relay, open } = scene();
    open();
    relay.close({ end: "denied", toClient: 4403, toUpstream: 1001, reason: "suspended" });
    expect(closeOf(atClient)).toBe(4403);
    fromUpstream.write(frameBytes(OPCODES.text, "late", false));
    expect(Buffer.concat(atClient.chunks).includes("late")).toBe(false);
    clock.advance(1_000);
    expect([fromUpstream.cancelled, fromClient.cancelled, fromClient.cause]).toEqual([true, true, "closed by the gateway"]);
    expect(clock.pending).toBe(0);
  });

  it("is broken off where the last word would stand within a frame", () => {
    const { fromUpstream, atClient, relay, open } = scene();
    open();
    fromUpstream.write(frameBytes(OPCODES.binary, Buffer.alloc(100), false).subarray(0, 50));
    relay.close({ end: "denied", toClient: 4403, toUpstream: 1001, reason: "suspended" });
    expect([atClient.byteCount, atClient.endings]).toEqual([50, 1]);
  });

  it("waits for the end of a frame when the process ends", () => {
    const { fromUpstream, atClient, relay, open } = scene();
    open();
    const frame = frameBytes(OPCODES.binary, Buffer.alloc(100), false);
    fromUpstream.write(frame.subarray(0, 50));
    relay.drain();
    expect(atClient.endings).toBe(0);
    fromUpstream.write(frame.subarray(50));
    expect(closeOf(atClient)).toBe(1001);
    expect(atClient.byteCount).toBeGreaterThan(frame.byteLength);
    expect(relay.outcome).toMatchObject({ end: "drain" });
  });

  it("says its last word to a client that was not there yet", () => {
    const { fromUpstream, atClient, relay, open } = scene();
    relay.close({ end: "denied", toClient: 4403, toUpstream: 1001, reason: "suspended" });
    expect(fromUpstream.cancelled).toBe(false);
    open();
    expect([closeOf(atClient), atClient.endings]).toEqual([4403, 1]);
  });

  it("lets its upstream go where nobody ever takes what it sends", () => {
    const { fromUpstream, relay } = scene();
    relay.toClient.discard();
    expect(fromUpstream.discarded || fromUpstream.cancelled).toBe(true);
  });

  it("ends what goes to the upstream when the client is gone, and what comes from it", () => {
    const { fromUpstream, atUpstream, relay, open } = scene();
    const { toClient } = open();
    toClient.cancel();
    expect(atUpstream.endings).toBe(1);
    expect(fromUpstream.cancelled).toBe(true);
    expect(relay.outcome).toEqual({ by: "client", end: "client", code: 1006 });
  });
});
