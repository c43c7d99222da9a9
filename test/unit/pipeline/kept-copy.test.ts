import { describe, expect, it } from "vitest";
import { CaptureRoom } from "../../../src/app/capture-room.ts";
import { HeldRoom } from "../../../src/pipeline/held-room.ts";
import { KeptCopy } from "../../../src/pipeline/kept-copy.ts";
import { bytesOf, HandStream, RecordingSink, textOf } from "../../support/byte-flow.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";

function copyOf(source: ConstructorParameters<typeof KeptCopy>[0], maxBytes = 10, roomBytes = 100) {
  const room = new CaptureRoom(roomBytes);
  return { room, copy: new KeptCopy(source, maxBytes, new HeldRoom(room)) };
}

describe("KeptCopy (C29)", () => {
  it("lets everything pass and has it whole in the end, not before", async () => {
    const { copy, room } = copyOf(new TrackedStream(["ab", "cd"], { chunked: true }));
    const sink = new RecordingSink();
    expect(copy.bytes).toBeUndefined();
    copy.pipe(sink);
    expect(await sink.over).toEqual({ kind: "ended" });
    expect(sink.text).toBe("abcd");
    expect(textOf(copy.bytes!)).toBe("abcd");
    expect(room.takenBytes).toBe(4);
  });

  it.each([
    ["is larger than wanted", new TrackedStream(["x".repeat(11)], { chunked: true }), 100],
    ["declares to be larger", new TrackedStream(["x".repeat(11)]), 100],
    ["finds no room", new TrackedStream(["abcd", "efgh"], { chunked: true }), 5],
  ])("is none where the body %s, and holds nothing; the body passes all the same", async (_what, source, roomBytes) => {
    const { copy, room } = copyOf(source, 10, roomBytes);
    const sink = new RecordingSink();
    copy.pipe(sink);
    expect(await sink.over).toEqual({ kind: "ended" });
    expect(sink.byteCount).toBeGreaterThan(7);
    expect(copy.bytes).toBeUndefined();
    expect(room.takenBytes).toBe(0);
  });

  it("is none where the body breaks off or nobody reads it", async () => {
    const broken = copyOf(new TrackedStream(["ab"], { chunked: true, breaksWith: "lost" }));
    const sink = new RecordingSink();
    broken.copy.pipe(sink);
    expect(await sink.over).toEqual({ kind: "failed", cause: "lost" });
    const source = new TrackedStream(["ab"]);
    const unread = copyOf(source);
    unread.copy.discard();
    expect(source.state).toBe("discarded");
    expect([broken.copy.bytes, unread.copy.bytes]).toEqual([undefined, undefined]);
    expect([broken.room.takenBytes, unread.room.takenBytes]).toEqual([0, 0]);
  });

  it.each([
    ["kept it too", 100],
    ["found no room for it", 1],
  ])("is what somebody captured, without room of its own, where it %s", async (_what, roomBytes) => {
    const { copy, room } = copyOf(new TrackedStream(["ab", "cd"], { chunked: true }), 10, roomBytes);
    const sink = new RecordingSink();
    copy.pipe(sink);
    await sink.over;
    const captured = bytesOf("abcd");
    copy.capturedAs(captured);
    expect(copy.bytes).toBe(captured);
    expect(room.takenBytes).toBe(0);
  });

  it("stays none where what was captured is larger than wanted", () => {
    const { copy } = copyOf(new TrackedStream(["x".repeat(11)], { chunked: true }));
    copy.capturedAs(bytesOf("x".repeat(11)));
    expect(copy.bytes).toBeUndefined();
  });

  it("passes the reader's backpressure on", () => {
    const source = new HandStream();
    const flow = copyOf(source).copy.pipe(new RecordingSink(1));
    expect(source.write("ab")).toBe(false);
    flow.resume();
    flow.cancel();
    expect([source.resumed, source.cancelled]).toEqual([1, true]);
  });
});

describe("HeldRoom (C24)", () => {
  it("takes only while there is room, and never gives back more than it took", () => {
    const room = new CaptureRoom(10);
    const held = new HeldRoom(room);
    expect([held.take(6), held.take(6)]).toEqual([true, false]);
    held.give(100);
    held.give(-5);
    expect(room.takenBytes).toBe(0);
  });

  it("has a part for copies, which takes half of the process's room at most and ends with it", () => {
    const room = new CaptureRoom(10);
    const held = new HeldRoom(room);
    expect([held.forCopies.take(5), held.forCopies.take(1), held.take(5)]).toEqual([true, false, true]);
    held.forCopies.give(2);
    expect(room.takenBytes).toBe(8);
    held.close();
    expect([held.forCopies.take(1), new HeldRoom(room).forCopies.take(5), room.takenBytes]).toEqual([false, true, 5]);
  });

  it("gives no copies where it was over before any was wanted", () => {
    const room = new CaptureRoom(10);
    const held = new HeldRoom(room);
    held.close();
    expect([held.forCopies.take(1), room.takenBytes]).toEqual([false, 0]);
  });

  it("gives everything back at the end, once, and takes nothing after it", () => {
    const room = new CaptureRoom(10);
    const held = new HeldRoom(room);
    held.take(6);
    held.close();
    held.close();
    held.give(6);
    expect(held.take(1)).toBe(false);
    expect(room.takenBytes).toBe(0);
  });
});
