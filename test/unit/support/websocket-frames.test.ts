import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { closeFrame, FrameScanner, type FrameTerms } from "../../../src/support/websocket-frames.ts";
import { closePayload, frameBytes, OPCODES, type FrameChoice } from "../../support/websocket-peer.ts";

const TERMS: FrameTerms = { masked: true, compressed: false, maxMessageBytes: 100_000 };

/** What reading bytes in pieces of these sizes, again and again, comes to. */
function scan(bytes: Uint8Array, sizes: readonly number[] = [bytes.byteLength], terms: FrameTerms = TERMS) {
  const scanner = new FrameScanner(terms);
  let passed = 0;
  for (let at = 0, turn = 0; at < bytes.byteLength; turn += 1) {
    const piece = bytes.subarray(at, at + Math.max(1, sizes[turn % sizes.length] ?? 1));
    passed += scanner.read(piece);
    at += piece.byteLength;
  }
  return { passed, fault: scanner.fault, closeCode: scanner.closeCode, isBetweenFrames: scanner.isBetweenFrames };
}

const masked = (opcode: number, payload: Buffer | string = "", choice: FrameChoice = {}): Buffer =>
  frameBytes(opcode, payload, true, choice);

const payloads = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.integer({ min: 0, max: 70_000 }).map((length) => new Uint8Array(length)),
);

/** Messages in parts, with control frames between them. */
const legalFrames = fc
  .array(
    fc.tuple(
      fc.constantFrom(OPCODES.text, OPCODES.binary),
      fc.array(payloads, { minLength: 1, maxLength: 3 }),
      fc.option(fc.constantFrom(OPCODES.ping, OPCODES.pong), { nil: undefined }),
    ),
    { maxLength: 5 },
  )
  .map((messages) =>
    messages.flatMap(([opcode, parts, control]) =>
      parts.flatMap((part, i) => [
        masked(i === 0 ? opcode : OPCODES.continuation, Buffer.from(part), { final: i === parts.length - 1 }),
        ...(control === undefined ? [] : [masked(control, "p")]),
      ]),
    ),
  );

const cuts = fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 8 });

describe("the frame headers of one direction (RFC 6455 section 5)", () => {
  it("let legal frames pass whole, however they are cut, and know where one ends", () => {
    const wide = { ...TERMS, maxMessageBytes: 1_000_000 };
    fc.assert(
      fc.property(legalFrames, cuts, (frames, sizes) => {
        const bytes = Buffer.concat(frames);
        expect(scan(bytes, sizes, wide)).toEqual({
          passed: bytes.byteLength,
          fault: undefined,
          closeCode: undefined,
          isBetweenFrames: true,
        });
      }),
      { numRuns: 200 },
    );
  });

  it("read the code of a close frame, and let nothing pass behind it, however it is cut", () => {
    fc.assert(
      fc.property(
        legalFrames,
        cuts,
        fc.option(fc.constantFrom(1000, 1014, 3000, 4999), { nil: undefined }),
        (frames, sizes, code) => {
          const before = Buffer.concat([...frames, masked(OPCODES.close, code === undefined ? "" : closePayload(code, "why"))]);
          const read = scan(Buffer.concat([before, masked(OPCODES.text, "behind")]), sizes, {
            ...TERMS,
            maxMessageBytes: 1_000_000,
          });
          expect(read).toMatchObject({ passed: before.byteLength, fault: undefined, closeCode: code ?? 1005 });
        },
      ),
      { numRuns: 200 },
    );
  });

  const FAULTS: readonly (readonly [string, Buffer, number])[] = [
    ["no mask", frameBytes(OPCODES.text, "x", false), 1002],
    ["a reserved bit", masked(OPCODES.text, "x", { reserved: 4 }), 1002],
    ["an unknown opcode", masked(7, "x"), 1002],
    ["an unknown control opcode", masked(15, "x"), 1002],
    ["a close frame in parts", masked(OPCODES.close, "", { final: false }), 1002],
    ["a long pong", masked(OPCODES.pong, "x".repeat(126)), 1002],
    ["a continuation of nothing", masked(OPCODES.continuation, "x"), 1002],
    ["a short length in two bytes", masked(OPCODES.text, "x", { longLength: true }), 1002],
    ["a short length in eight bytes", masked(OPCODES.text, "x".repeat(200), { longLength: true }), 1002],
    ["a length beyond 63 bits", Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]), 1002],
    ["an enormous length", Buffer.from([0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]), 1009],
    ["a message over the limit", masked(OPCODES.text, "x".repeat(100_001)), 1009],
    ["half a close code", masked(OPCODES.close, "x"), 1002],
    ["a close code nobody may send", masked(OPCODES.close, closePayload(1006)), 1002],
  ];

  it.each(FAULTS)("stop at %s: what stands before passes, and nothing of it where it came in one piece", (_what, bad, code) => {
    const good = masked(OPCODES.binary, "good");
    const read = scan(Buffer.concat([good, bad, masked(OPCODES.text, "behind")]));
    expect(read).toMatchObject({ passed: good.byteLength, fault: { code }, isBetweenFrames: true });
  });

  it.each(FAULTS)("stop at %s also where it comes in pieces, and say that a frame is broken off", (_what, bad, code) => {
    const good = masked(OPCODES.binary, "good");
    fc.assert(
      fc.property(cuts, (sizes) => {
        const { passed, fault, isBetweenFrames } = scan(Buffer.concat([good, bad]), sizes);
        expect(fault?.code).toBe(code);
        expect(passed).toBeLessThan(good.byteLength + bad.byteLength);
        expect(isBetweenFrames).toBe(passed === good.byteLength);
      }),
      { numRuns: 50 },
    );
  });

  it("count a message over its parts, and begin anew with the next", () => {
    const half = (opcode: number, final: boolean): Buffer => masked(opcode, Buffer.alloc(60_000), { final });
    const whole = [half(OPCODES.binary, true), half(OPCODES.binary, true)];
    expect(scan(Buffer.concat(whole)).fault).toBeUndefined();
    const first = half(OPCODES.binary, false);
    expect(scan(Buffer.concat([first, half(OPCODES.continuation, true)]))).toMatchObject({
      passed: first.byteLength,
      fault: { code: 1009 },
    });
  });

  it("let the first frame of a message say that it is compressed where that was agreed on, no other, and no other bit", () => {
    const terms = { ...TERMS, compressed: true };
    const first = masked(OPCODES.text, "x", { reserved: 4, final: false });
    expect(scan(first, [1], terms).fault).toBeUndefined();
    for (const bad of [
      masked(OPCODES.continuation, "x", { reserved: 4 }),
      masked(OPCODES.ping, "x", { reserved: 4 }),
      masked(OPCODES.continuation, "x", { reserved: 1 }),
    ])
      expect(scan(Buffer.concat([first, bad]), [1000], terms).fault?.text).toBe("reserved bits");
  });

  it("are those of the gateway's own close frames, either way", () => {
    for (const isMasked of [true, false]) {
      const bytes = closeFrame(4403, "suspended", isMasked);
      expect(scan(bytes, [3], { ...TERMS, masked: isMasked })).toMatchObject({ passed: bytes.byteLength, closeCode: 4403 });
    }
  });
});
