import { describe, expect, it } from "vitest";
import { WatchOver } from "../../../../../src/adapters/inbound/http1/watch-over.ts";
import { FakeClock } from "../../../../support/fake-clock.ts";

describe("a watch over many", () => {
  it("uses one timer, and none when there is nobody", () => {
    const clock = new FakeClock();
    const watch = new WatchOver(clock, 100);
    const awaited = [1, 2, 3].map(() => ({ dueMs: Number.POSITIVE_INFINITY, onDue: () => {} }));
    for (const each of awaited) watch.add(each);
    expect(clock.pending).toBe(1);
    for (const each of awaited) watch.delete(each);
    clock.advance(100);
    expect(clock.pending).toBe(0);
  });

  it("tells each when it is due, at the next look, until it is put off or leaves", () => {
    const clock = new FakeClock();
    const watch = new WatchOver(clock, 100);
    const told: string[] = [];
    const one = { dueMs: 150, onDue: (): void => void told.push("one") };
    const other = { dueMs: 150, onDue: (): void => void told.push("other") };
    watch.add(one);
    watch.add(other);
    clock.advance(199);
    other.dueMs = 1_000;
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual(["one"]);
    one.dueMs = Number.POSITIVE_INFINITY;
    watch.delete(other);
    clock.advance(2_000);
    expect(told).toEqual(["one"]);
    watch.close();
    expect(clock.pending).toBe(0);
  });
});
