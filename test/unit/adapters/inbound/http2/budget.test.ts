import { describe, expect, it } from "vitest";
import { Budget } from "../../../../../src/adapters/inbound/http2/budget.ts";

describe("a budget", () => {
  it("lasts for its burst, grows by so much a second, and never beyond the burst", () => {
    const budget = new Budget({ burst: 3, perSecond: 2 }, 0);
    expect([1, 2, 3, 4].map(() => budget.spend(1, 0))).toEqual([true, true, true, false]);
    expect(budget.spend(1, 500)).toBe(false);
    expect(budget.spend(1, 1_500)).toBe(true);
    expect([1, 2, 3, 4].map(() => budget.spend(1, 1_000_000))).toEqual([true, true, true, false]);
  });

  it("gains nothing by a clock that goes back", () => {
    const budget = new Budget({ burst: 1, perSecond: 1 }, 10_000);
    expect(budget.spend(1, 10_000)).toBe(true);
    expect(budget.spend(1, 5_000)).toBe(false);
  });
});
