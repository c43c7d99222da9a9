import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Breaker, type Attempt, type BreakerTerms } from "../../../src/support/breaker.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const TERMS: BreakerTerms = { failures: 3, openMs: 500 };

function setUp(terms = TERMS) {
  const clock = new FakeClock();
  const breaker = new Breaker(terms, clock);
  const fail = (times = 1): void => {
    for (let time = 0; time < times; time += 1) breaker.end(breaker.begin(), "failure");
  };
  /** Failed until due, and opened. */
  const open = (): void => {
    fail(terms.failures);
    breaker.open();
  };
  return { clock, breaker, fail, open };
}

describe("a breaker", () => {
  it("is due after so many failures in a row, and opens only when told to", () => {
    const { breaker, fail } = setUp();
    fail(2);
    expect(breaker.isDue).toBe(false);
    fail();
    expect(breaker.isDue).toBe(true);
    expect(breaker.state).toBe("closed");
    breaker.open();
    expect(breaker.state).toBe("open");
    expect(breaker.isDue).toBe(false);
  });

  it("counts failures in a row only: one success begins anew, what says nothing changes nothing", () => {
    const { breaker, fail } = setUp();
    fail(2);
    breaker.end(breaker.begin(), "none");
    breaker.end(breaker.begin(), "success");
    fail(2);
    expect(breaker.isDue).toBe(false);
    breaker.end(breaker.begin(), "none");
    fail();
    expect(breaker.isDue).toBe(true);
  });

  it("is never due where the operator turned it off", () => {
    const { breaker, fail } = setUp({ failures: 0, openMs: 500 });
    fail(100);
    expect(breaker.isDue).toBe(false);
  });

  it("may be tried after its pause, by one at a time, and closes by one success", () => {
    const { clock, breaker, open } = setUp();
    open();
    expect(breaker.mayTry(true)).toBe(false);
    clock.advance(499);
    expect(breaker.mayTry(true)).toBe(false);
    clock.advance(1);
    expect(breaker.state).toBe("half-open");
    expect(breaker.mayTry(true)).toBe(true);
    const attempt = breaker.begin();
    expect(attempt.isTry).toBe(true);
    expect(breaker.mayTry(true)).toBe(false);
    expect(breaker.end(attempt, "success")).toBe(true);
    expect(breaker.state).toBe("closed");
  });

  it("may be tried again at once where a try was given up", () => {
    const { clock, breaker, open } = setUp();
    open();
    clock.advance(500);
    breaker.end(breaker.begin(), "none");
    expect(breaker.mayTry(true)).toBe(true);
  });

  it("pauses longer after each failed try, twice its first pause at most where nobody stands in", () => {
    const { clock, breaker, open } = setUp();
    open();
    clock.advance(500);
    for (let tries = 0; tries < 10; tries += 1) {
      fail(breaker);
      clock.advance(999);
      expect(breaker.mayTry(true)).toBe(false);
      clock.advance(1);
      expect(breaker.mayTry(true)).toBe(true);
    }
    expect(breaker.mayTry(false)).toBe(false);
    clock.advance(29_000);
    expect(breaker.mayTry(false)).toBe(true);

    function fail(what: Breaker): void {
      what.end(what.begin(), "failure");
    }
  });

  it("hears nothing from attempts that began before it opened", () => {
    const { clock, breaker, open } = setUp();
    const early = breaker.begin();
    const late = breaker.begin();
    open();
    expect(breaker.end(early, "success")).toBe(false);
    expect(breaker.state).toBe("open");
    clock.advance(500);
    breaker.end(late, "failure");
    expect(breaker.mayTry(true)).toBe(true);
  });

  it("forgets everything when it is reset, the try under way included", () => {
    const { clock, breaker, open, fail } = setUp();
    open();
    clock.advance(500);
    const attempt = breaker.begin();
    expect(breaker.reset()).toBe(true);
    expect(breaker.reset()).toBe(false);
    expect(breaker.end(attempt, "failure")).toBe(false);
    fail(2);
    expect(breaker.isDue).toBe(false);
  });

  it("never has two tries under way, and after any history closes by the next try that succeeds", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(3_000) }),
      fc.record({ kind: fc.constant("begin" as const) }),
      fc.record({ kind: fc.constant("end" as const), at: fc.nat(9), outcome: fc.constantFrom("success", "failure", "none") }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { clock, breaker } = setUp();
        const running: Attempt[] = [];
        for (const each of steps) {
          if (each.kind === "pass") clock.advance(each.ms);
          else if (each.kind === "begin") {
            if (breaker.state === "closed" || breaker.mayTry(true)) running.push(breaker.begin());
          } else {
            const [attempt] = running.splice(each.at % Math.max(running.length, 1), 1);
            if (attempt !== undefined) breaker.end(attempt, each.outcome);
            if (breaker.isDue) breaker.open();
          }
          const tries = running.filter(({ isTry }) => isTry);
          const alive = tries.filter((attempt) => attempt.era === Math.max(...tries.map(({ era }) => era)));
          expect(alive.length).toBeLessThanOrEqual(1);
        }
        for (const attempt of running) breaker.end(attempt, "none");
        clock.advance(1_000);
        if (breaker.state !== "closed") {
          expect(breaker.mayTry(true)).toBe(true);
          breaker.end(breaker.begin(), "success");
        }
        expect(breaker.state).toBe("closed");
      }),
    );
  });

  it("forgets failures that are older than its window, but not those within it", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2_000), { minLength: 1, maxLength: 40 }), (pauses) => {
        const { clock, breaker, fail } = setUp({ failures: 3, openMs: 500, windowMs: 1_000 });
        const atMs: number[] = [];
        for (const pauseMs of pauses) {
          clock.advance(pauseMs);
          fail();
          atMs.push(clock.nowMs());
          const within = atMs.filter((at) => clock.nowMs() - at <= 1_000).length;
          expect(breaker.isDue).toBe(within >= 3);
        }
      }),
    );
  });

  it("pauses as it is told where it is alone, and where it is not", () => {
    const { clock, breaker, open } = setUp({
      ...TERMS,
      openMs: 1_000,
      longestOpenMs: 3_000,
      alone: { firstMs: 100, longestMs: 250 },
    });
    open();
    for (const [aloneMs, replacedMs] of [
      [100, 1_000],
      [200, 2_000],
      [250, 3_000],
      [250, 3_000],
    ] as const) {
      expect(breaker.pauseMs).toBe(replacedMs);
      clock.advance(aloneMs - 1);
      expect(breaker.mayTry(true)).toBe(false);
      clock.advance(1);
      expect(breaker.mayTry(true)).toBe(true);
      clock.advance(replacedMs - aloneMs - 1);
      expect(breaker.mayTry(false)).toBe(false);
      clock.advance(1);
      expect(breaker.mayTry(false)).toBe(true);
      breaker.end(breaker.begin(), "failure");
    }
  });
});
