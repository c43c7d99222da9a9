import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader } from "@sallyport/lean-grpc/frame-reader.ts";
import { Http2Violation, smallFrame } from "@sallyport/lean-grpc/frame.ts";
import { HeldBytes } from "@sallyport/lean-grpc/held-bytes.ts";
import { framed, MessageReader } from "@sallyport/lean-grpc/message-reader.ts";

/** Cuts bytes at the given places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].toSorted((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.subarray(places[index] ?? 0, end));
}

describe("MessageReader", () => {
  it("gives the same messages however their bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (messages, cuts) => {
          const read: string[] = [];
          const reader = new MessageReader({ maxBytes: 50, held: new HeldBytes() }, (message) =>
            read.push(message.toString("hex")),
          );
          for (const piece of pieces(Buffer.concat(messages.map(framed)), cuts)) expect(reader.push(piece)).toBeUndefined();
          expect(read).toEqual(messages.map((message) => Buffer.from(message).toString("hex")));
          expect(reader.finish()).toBeUndefined();
        },
      ),
    );
  });

  it("refuses a message that says it is too large before its bytes are here", () => {
    const reader = new MessageReader({ maxBytes: 10, held: new HeldBytes() }, () => expect.unreachable());
    expect(reader.push(framed(Buffer.alloc(11)).subarray(0, 5))).toEqual({ kind: "too-large", bytes: 11 });
  });

  it("refuses a compressed message", () => {
    expect(new MessageReader({ maxBytes: 10, held: new HeldBytes() }, () => {}).push(Buffer.from([1, 0, 0, 0, 0]))).toEqual({
      kind: "compressed",
    });
  });

  it.each([1, 4, 5, 7])("tells that a message was cut short behind %s bytes", (length) => {
    const reader = new MessageReader({ maxBytes: 10, held: new HeldBytes() }, () => expect.unreachable());
    reader.push(framed(Buffer.from("abc")).subarray(0, length));
    expect(reader.finish()).toEqual({ kind: "cut-short" });
  });
});

describe("FrameReader", () => {
  it("gives the same frames however their bytes are cut", () => {
    const frame = fc.record({
      type: fc.nat({ max: 12 }),
      flags: fc.nat({ max: 255 }),
      id: fc.nat({ max: 0x7fff_ffff }),
      payload: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 20 }), (frames, cuts) => {
        const read: unknown[] = [];
        const reader = new FrameReader(({ type, flags, streamId }, payload) =>
          read.push([type, flags, streamId, payload.toString("hex")]),
        );
        const bytes = Buffer.concat(
          frames.map(({ type, flags, id, payload }) => smallFrame(type, flags, id, Buffer.from(payload))),
        );
        for (const piece of pieces(bytes, cuts)) reader.push(piece);
        expect(read).toEqual(
          frames.map(({ type, flags, id, payload }) => [type, flags, id, Buffer.from(payload).toString("hex")]),
        );
      }),
    );
  });

  it("refuses a frame above 16 KiB by its head alone", () => {
    const reader = new FrameReader(() => expect.unreachable());
    expect(() => reader.push(Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1]))).toThrow(Http2Violation);
  });
});
