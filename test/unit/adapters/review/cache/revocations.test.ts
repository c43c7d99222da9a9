import { describe, expect, it } from "vitest";
import { Revocations } from "../../../../../src/adapters/review/cache/revocations.ts";

const tagged = (...tags: string[]) => ({ tags, revocable: false });

describe("the memory of revokes (C34)", () => {
  it("knows of a tag that was revoked after a review began, and only then", () => {
    const revocations = new Revocations();
    const before = revocations.moment;
    revocations.revoke(["a"]);
    const after = revocations.moment;
    expect(revocations.mayBeRevoked(before, tagged("a"))).toBe(true);
    expect(revocations.mayBeRevoked(before, tagged("b", "a"))).toBe(true);
    expect(revocations.mayBeRevoked(before, tagged("b"))).toBe(false);
    expect(revocations.mayBeRevoked(before, tagged())).toBe(false);
    expect(revocations.mayBeRevoked(after, tagged("a"))).toBe(false);
  });

  it("takes everything as revoked that began before what it had to forget", () => {
    const revocations = new Revocations(2);
    const first = revocations.moment;
    revocations.revoke(["a"]);
    const second = revocations.moment;
    revocations.revoke(["b", "c"]);
    expect(revocations.mayBeRevoked(first, tagged("never"))).toBe(true);
    expect(revocations.mayBeRevoked(second, tagged("never"))).toBe(false);
    expect(revocations.mayBeRevoked(second, tagged("b"))).toBe(true);
  });

  it("forgets the tags whose revoke is the oldest first", () => {
    const revocations = new Revocations(2);
    revocations.revoke(["a"]);
    revocations.revoke(["b"]);
    const between = revocations.moment;
    revocations.revoke(["a"]);
    revocations.revoke(["c"]);
    expect(revocations.mayBeRevoked(between, tagged("a"))).toBe(true);
    expect(revocations.mayBeRevoked(between, tagged("b"))).toBe(false);
  });

  it("takes what can be revoked as revoked when revokes may have been missed", () => {
    const revocations = new Revocations();
    const before = revocations.moment;
    revocations.loseTouch();
    expect(revocations.mayBeRevoked(before, { tags: [], revocable: true })).toBe(true);
    expect(revocations.mayBeRevoked(before, { tags: [], revocable: false })).toBe(false);
    expect(revocations.mayBeRevoked(revocations.moment, { tags: [], revocable: true })).toBe(false);
  });
});
