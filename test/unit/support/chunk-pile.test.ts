import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChunkPile } from "../../../src/support/chunk-pile.ts";

const pileOf = (chunks: readonly Uint8Array[]): ChunkPile => {
  const pile = new ChunkPile();
  for (const chunk of chunks) pile.push(chunk);
  return pile;
};

/** A chunk of that many bytes, none of them like its neighbours. */
const chunkOf = (length: number, seed = 0): Uint8Array => Uint8Array.from({ length }, (_, at) => (at * 7 + seed) % 251);

describe("a pile of chunks", () => {
  it("holds a body sent byte by byte in few pieces", () => {
    const bytes = 1024 * 1024;
    const pile = new ChunkPile();
    for (let at = 0; at < bytes; at += 1) pile.push(Uint8Array.of(at % 251));
    const pieces = pile.take();
    expect(pieces.length).toBeLessThanOrEqual(65);
    expect(pieces.reduce((sum, piece) => sum + piece.buffer.byteLength, 0)).toBeLessThanOrEqual(2 * bytes);
  });

  it("takes no room of its own for small chunks between large ones", () => {
    const pieces = pileOf(Array.from({ length: 100 }, (_, at) => chunkOf(at % 2 === 0 ? 1 : 16 * 1024))).take();
    expect(pieces.reduce((sum, piece) => sum + piece.buffer.byteLength, 0)).toBeLessThanOrEqual(2 * 50 * (16 * 1024 + 1));
  });

  it("keeps the one chunk of a small body as it is", () => {
    const chunk = chunkOf(5);
    expect(pileOf([chunk]).whole()).toBe(chunk);
  });

  it.each([[[]], [[new Uint8Array()]], [[new Uint8Array(), new Uint8Array()]]])("holds nothing of %j", (chunks) => {
    expect(pileOf(chunks).byteLength).toBe(0);
    expect(pileOf(chunks).take()).toEqual([]);
    expect(pileOf(chunks).whole().byteLength).toBe(0);
  });

  it("gives back every byte in order, however it was cut", () => {
    const length = fc.oneof(fc.nat(8), fc.constantFrom(4095, 4096, 12_288, 16_383, 16_384, 16_385, 40_000));
    fc.assert(
      fc.property(fc.array(length, { maxLength: 40 }), (lengths) => {
        const chunks = lengths.map(chunkOf);
        const expected = Buffer.concat(chunks);
        expect(pileOf(chunks).byteLength).toBe(expected.byteLength);
        expect(expected.equals(Buffer.concat(pileOf(chunks).take()))).toBe(true);
        expect(expected.equals(pileOf(chunks).whole())).toBe(true);
      }),
    );
  });
});
