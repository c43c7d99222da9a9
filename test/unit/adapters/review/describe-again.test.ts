import { describe, expect, it } from "vitest";
import { DescribeAgain } from "../../../../src/adapters/review/describe-again.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

describe("DescribeAgain", () => {
  it("slows down for a service that never settles, and is quick again once it was calm", () => {
    const clock = new FakeClock();
    const again = new DescribeAgain(clock);
    let told = 0;
    again.on(() => (told += 1));
    const restless = (forMs: number): void => {
      for (let passedMs = 0; passedMs < forMs; passedMs += 100) {
        again.wish();
        clock.advance(100);
      }
    };
    restless(5_000);
    expect(told).toBe(11);
    restless(300_000);
    expect(told).toBeLessThan(30);
    clock.advance(100_000);
    told = 0;
    restless(2_000);
    expect(told).toBe(5);
  });

  it("passes the first wish on at once, and those of the next half second as one", () => {
    const clock = new FakeClock();
    const again = new DescribeAgain(clock);
    let told = 0;
    again.on(() => (told += 1));
    for (let wish = 0; wish < 100; wish += 1) again.wish();
    expect(told).toBe(1);
    clock.advance(499);
    expect(told).toBe(1);
    clock.advance(1);
    expect(told).toBe(2);
    clock.advance(10_000);
    expect(told).toBe(2);
    again.wish();
    expect(told).toBe(3);
  });

  it("forgets a listener that was taken back, and all when it is closed", () => {
    const clock = new FakeClock();
    const again = new DescribeAgain(clock);
    const told: string[] = [];
    const forget = again.on(() => told.push("one"));
    again.on(() => told.push("two"));
    forget();
    again.wish();
    again.wish();
    again.close();
    clock.advance(10_000);
    expect([told, clock.pending]).toEqual([["two"], 0]);
  });
});
