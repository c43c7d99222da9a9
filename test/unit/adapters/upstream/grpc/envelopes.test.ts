import * as fc from "fast-check";
import { expect, it } from "vitest";
import { EnvelopeCutter, enveloped } from "../../../../../src/adapters/upstream/grpc/connect/envelopes.ts";

it("a stream of Connect is the same envelopes however it is cut", () => {
  const envelope = fc.record({ flags: fc.integer({ min: 0, max: 255 }), bytes: fc.uint8Array({ maxLength: 40 }) });
  fc.assert(
    fc.property(
      fc.array(envelope, { maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
      (all, cuts) => {
        const wire = Buffer.concat(all.map(({ flags, bytes }) => enveloped(flags, bytes)));
        const cutter = new EnvelopeCutter(40);
        const got: unknown[] = [];
        for (let at = 0, turn = 0; at < wire.length; turn += 1) {
          const end = at + (cuts[turn % cuts.length] ?? 1);
          got.push(...(cutter.push(wire.subarray(at, end)) ?? ["too large"]));
          at = end;
        }
        expect(got).toEqual(
          all.map(({ flags, bytes }) => ({ flags, bytes: expect.objectContaining({ byteLength: bytes.length }) })),
        );
        expect(Buffer.concat((got as { bytes: Uint8Array }[]).map(({ bytes }) => bytes))).toEqual(
          Buffer.concat(all.map(({ bytes }) => bytes)),
        );
        expect(cutter.isWhole).toBe(true);
      },
    ),
  );
});

it("an envelope in one-byte pieces takes about the room of its bytes, and one too large is refused by its prefix", () => {
  const message = enveloped(0, new Uint8Array(1024 * 1024)).subarray(0, -1);
  const cutter = new EnvelopeCutter(1024 * 1024);
  const before = process.memoryUsage();
  for (let at = 0; at < message.length; at += 1) cutter.push(message.subarray(at, at + 1));
  const after = process.memoryUsage();
  expect(cutter.isWhole).toBe(false);
  // an array of its own for every byte takes two hundred times as much, and is held
  globalThis.gc?.();
  expect(after.external - before.external).toBeLessThan(16 * 1024 * 1024);
  expect(cutter.push(message.subarray(0, 1))).toHaveLength(1);
  expect(new EnvelopeCutter(10).push(enveloped(0, new Uint8Array(11)).subarray(0, 5))).toBeUndefined();
});
