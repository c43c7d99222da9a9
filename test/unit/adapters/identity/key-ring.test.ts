import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyRing, type RingKey } from "../../../../src/adapters/identity/key-ring.ts";

const keyNamed = (kid: string): RingKey => ({
  kid,
  publicJwk: { kty: "OKP", crv: "Ed25519", x: `x-${kid}`, kid, use: "sig", alg: "EdDSA" },
});
const [a, b, c] = [keyNamed("a"), keyNamed("b"), keyNamed("c")];
const TIMES = { publishAheadMs: 60, tokenAcceptedMs: 300 };
const kids = (ring: KeyRing<RingKey>, nowMs: number): string =>
  ring
    .published(nowMs)
    .keys.map(({ kid }) => kid)
    .toSorted()
    .join("");

describe("the ring of signing keys", () => {
  it("signs with the first key at once, and publishes the others", () => {
    const ring = new KeyRing([a, b], 0, TIMES);
    expect([ring.signer(0).kid, kids(ring, 0)]).toEqual(["a", "ab"]);
  });

  it("publishes a new key before it signs, and an old one until its last token is out of date", () => {
    const ring = new KeyRing([a], 0, TIMES);
    ring.use([b], 1_000);
    expect([ring.signer(1_059).kid, kids(ring, 1_059)]).toEqual(["a", "ab"]);
    expect([ring.signer(1_060).kid, kids(ring, 1_060)]).toEqual(["b", "ab"]);
    expect(kids(ring, 1_359)).toBe("ab");
    expect(kids(ring, 1_360)).toBe("b");
  });

  it("signs at once with a key that was published long enough", () => {
    const ring = new KeyRing([a, b], 0, TIMES);
    ring.use([b, a], 60);
    expect(ring.signer(60).kid).toBe("b");
    ring.use([b], 100);
    expect([kids(ring, 359), kids(ring, 360)]).toEqual(["ab", "b"]);
  });

  it("forgets a new key that is taken back before it signed", () => {
    const ring = new KeyRing([a], 0, TIMES);
    ring.use([b], 10);
    ring.use([a], 20);
    expect([ring.signer(1_000).kid, kids(ring, 1_000)]).toEqual(["a", "a"]);
    ring.use([b], 2_000);
    ring.use([c], 2_030);
    expect([ring.signer(2_060).kid, ring.signer(2_090).kid]).toEqual(["a", "c"]);
  });

  it("keeps the old key for the whole overlap when the clock jumps over the change", () => {
    const ring = new KeyRing([a], 0, TIMES);
    ring.use([b], 10);
    expect([kids(ring, 5_000), kids(ring, 5_299), kids(ring, 5_300)]).toEqual(["ab", "ab", "b"]);
  });

  it("never signs with a key that is not published, nor drops one whose token may be accepted, whatever the operator does", () => {
    const order = fc.shuffledSubarray([a, b, c], { minLength: 1 });
    fc.assert(
      fc.property(fc.array(fc.record({ keys: order, afterMs: fc.nat(200) }), { maxLength: 20 }), (steps) => {
        let nowMs = 0;
        const ring = new KeyRing([a], nowMs, TIMES);
        const signedAtMs = new Map<string, number>();
        const publishedAtMs = new Map<string, number>([["a", -60]]);
        for (const { keys, afterMs } of steps) {
          const [first, ...others] = keys;
          if (first !== undefined) ring.use([first, ...others], nowMs);
          for (const untilMs = nowMs + afterMs; nowMs <= untilMs; nowMs += 20) {
            const published = new Set(ring.published(nowMs).keys.map(({ kid }) => kid));
            const signer = ring.signer(nowMs).kid;
            for (const kid of published) if (!publishedAtMs.has(kid)) publishedAtMs.set(kid, nowMs);
            for (const kid of publishedAtMs.keys()) if (!published.has(kid)) publishedAtMs.delete(kid);
            expect(nowMs - (publishedAtMs.get(signer) ?? nowMs)).toBeGreaterThanOrEqual(signedAtMs.has(signer) ? 0 : 60);
            signedAtMs.set(signer, nowMs);
            for (const [kid, atMs] of signedAtMs) if (atMs + TIMES.tokenAcceptedMs > nowMs) expect(published).toContain(kid);
          }
        }
      }),
    );
  });
});
