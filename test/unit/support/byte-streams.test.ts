import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ByteStream } from "../../../src/model/byte-stream.ts";
import { bytesStream, collect, limitedStream } from "../../../src/support/byte-streams.ts";
import { bytesOf, HandStream, RecordingSink, textOf } from "../../support/byte-flow.ts";

const pieces = (...texts: readonly string[]): ByteStream => ({ ...bytesStream(texts.map(bytesOf)), declaredBytes: undefined });

describe("collecting a stream", () => {
  it.each([
    [[], ""],
    [["hello"], "hello"],
    [["he", "l", "lo"], "hello"],
  ])("gives all of %j", async (texts, whole) => {
    const collected = await collect(pieces(...texts), { maxBytes: 5 });
    expect(collected.kind === "complete" && textOf(collected.bytes)).toBe(whole);
  });

  it("puts together what came byte by byte, and gives the rest of it verbatim when it is too much", async () => {
    const stream = new HandStream();
    const pending = collect(stream, { maxBytes: 5 });
    for (const letter of "hello") expect(stream.write(letter)).toBe(true);
    expect(stream.write("!")).toBe(false);
    // was on its way already
    expect(stream.write("?")).toBe(false);
    const collected = await pending;
    if (collected.kind !== "too-large") throw new Error(collected.kind);
    const sink = new RecordingSink();
    collected.rest.pipe(sink);
    stream.write(" bye");
    expect(sink.text).toBe("hello!? bye");
  });

  it("does not begin to read what declares too much", async () => {
    const stream = new HandStream(6);
    const collected = await collect(stream, { maxBytes: 5 });
    expect(collected).toEqual({ kind: "too-large", rest: stream });
    expect(stream.sink).toBeUndefined();
  });

  it("tells a broken stream from a complete one", async () => {
    const stream = new HandStream();
    const pending = collect(stream, { maxBytes: 5 });
    stream.write("hel");
    stream.sink?.fail("gone");
    expect(await pending).toEqual({ kind: "broken", cause: "gone" });
  });

  it("holds the producer as soon as it is too much, and gives prefix and rest verbatim", async () => {
    const stream = new HandStream();
    const pending = collect(stream, { maxBytes: 5 });
    expect(stream.write("hel")).toBe(true);
    expect(stream.write("lo, w")).toBe(false);
    const collected = await pending;
    if (collected.kind !== "too-large") throw new Error(collected.kind);
    const sink = new RecordingSink();
    collected.rest.pipe(sink);
    expect(sink.text).toBe("hello, w");
    expect(stream.resumed).toBe(1);
    expect(stream.write("orld")).toBe(true);
    stream.sink?.end();
    expect(sink.text).toBe("hello, world");
    expect(await sink.over).toEqual({ kind: "ended" });
  });

  it("passes the rest's ending on, even when it came before anybody read", async () => {
    const stream = new HandStream();
    const pending = collect(stream, { maxBytes: 1 });
    stream.write("hello");
    stream.sink?.fail("gone");
    const collected = await pending;
    const sink = new RecordingSink();
    if (collected.kind === "too-large") collected.rest.pipe(sink);
    expect(sink.text).toBe("hello");
    expect(await sink.over).toEqual({ kind: "failed", cause: "gone" });
  });

  it("lets the rest be given up, before and while it is read", async () => {
    const unread = new HandStream();
    const first = collect(unread, { maxBytes: 1 });
    unread.write("hello");
    const collected = await first;
    if (collected.kind === "too-large") collected.rest.discard();
    expect(unread.cancelled).toBe(true);

    const read = new HandStream();
    const second = collect(read, { maxBytes: 1 });
    read.write("hello");
    const again = await second;
    const sink = new RecordingSink(1);
    if (again.kind === "too-large") again.rest.pipe(sink).cancel();
    expect(read.cancelled).toBe(true);
  });

  it("loses and repeats nothing, whatever the pieces, the limit and the reader's appetite", async () => {
    const texts = fc.array(fc.string({ minLength: 1, maxLength: 6, unit: "grapheme-ascii" }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(texts, fc.nat({ max: 30 }), fc.integer({ min: 1, max: 3 }), async (parts, maxBytes, appetite) => {
        const collected = await collect(pieces(...parts), { maxBytes });
        const whole = parts.join("");
        if (collected.kind === "broken") throw new Error("broken");
        if (collected.kind === "complete") {
          expect(textOf(collected.bytes)).toBe(whole);
          return;
        }
        expect(whole.length).toBeGreaterThan(maxBytes);
        const sink = new RecordingSink(appetite);
        const flow = collected.rest.pipe(sink);
        for (let i = 0; i < parts.length && sink.endings === 0; i += 1) sink.feed(appetite, flow);
        expect(sink.text).toBe(whole);
        expect(sink.endings).toBe(1);
      }),
    );
  });
});

describe("a stream of bytes at hand", () => {
  it("knows its length and flows in its reader's time", () => {
    const stream = bytesStream([bytesOf("a"), bytesOf("bc"), bytesOf("d")]);
    expect(stream.declaredBytes).toBe(4);
    const sink = new RecordingSink(1);
    const flow = stream.pipe(sink);
    expect(sink.text).toBe("a");
    sink.feed(1, flow);
    expect(sink.text).toBe("abc");
    sink.feed(9, flow);
    expect([sink.text, sink.endings]).toEqual(["abcd", 1]);
    flow.resume();
    expect(sink.endings).toBe(1);
  });

  it("says nothing more once it was cancelled", () => {
    const sink = new RecordingSink(1);
    const flow = bytesStream([bytesOf("a"), bytesOf("b")]).pipe(sink);
    flow.cancel();
    flow.resume();
    expect([sink.text, sink.endings]).toEqual(["a", 0]);
  });
});

describe("a limited stream", () => {
  it("passes up to the limit untouched", async () => {
    const sink = new RecordingSink();
    limitedStream(pieces("he", "llo"), 5, () => "too much").pipe(sink);
    expect(sink.text).toBe("hello");
    expect(await sink.over).toEqual({ kind: "ended" });
  });

  it("fails beyond it, gives the producer up and says nothing more", async () => {
    const stream = new HandStream();
    const sink = new RecordingSink();
    limitedStream(stream, 5, () => "too much").pipe(sink);
    stream.write("hello");
    expect(stream.write("!")).toBe(false);
    stream.write("!");
    stream.sink?.end();
    expect(stream.cancelled).toBe(true);
    expect([sink.text, sink.endings]).toEqual(["hello", 1]);
    expect(await sink.over).toEqual({ kind: "failed", cause: "too much" });
  });

  it("cancels a producer that passed the limit before it could be told", async () => {
    const sink = new RecordingSink();
    limitedStream(pieces("hello", "world", "!"), 3, () => "too much").pipe(sink);
    expect(await sink.over).toEqual({ kind: "failed", cause: "too much" });
    expect([sink.text, sink.endings]).toEqual(["", 1]);
  });
});
