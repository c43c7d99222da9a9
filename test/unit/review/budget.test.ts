import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  grantMs,
  isCutByBudget,
  MIN_GRANT_MS,
  positionsOf,
  scaleOf,
  tooSmallReserves,
  type TimedBinding,
} from "../../../src/review/budget.ts";

type Row = readonly [phase: TimedBinding["phase"], mode: TimedBinding["mode"], policy: "closed" | "open", timeoutMs: number];

const timed = ([phase, mode, policy, timeoutMs]: Row): TimedBinding => ({
  phase,
  mode,
  failurePolicy: `fail-${policy}`,
  limits: { timeoutMs },
});

const needs = (rows: readonly Row[]): readonly number[] => positionsOf(rows.map(timed)).map(({ needMs }) => needMs);

const reserves = (budgetMs: number, rows: readonly Row[]): readonly number[] => {
  const positions = positionsOf(rows.map(timed));
  const scale = scaleOf(budgetMs, positions);
  return positions.map(({ needMs }) => scale * needMs);
};

describe("positions (C20)", () => {
  it.each<{ what: string; rows: readonly Row[]; needs: readonly number[] }>([
    { what: "no bindings make no position", rows: [], needs: [] },
    {
      what: "each mutator is one",
      rows: [
        ["pre-auth", "mutate", "closed", 250],
        ["pre-auth", "mutate", "closed", 300],
      ],
      needs: [250, 300],
    },
    { what: "a fail-open mutator is one that needs nothing", rows: [["pre-route", "mutate", "open", 600]], needs: [0] },
    {
      what: "the validators of a phase are one, which needs the largest timeout of its fail-closed ones",
      rows: [
        ["pre-route", "validate", "closed", 300],
        ["pre-route", "validate", "open", 900],
        ["pre-route", "validate", "closed", 200],
      ],
      needs: [300],
    },
    {
      what: "validators of two phases are two, also side by side",
      rows: [
        ["pre-auth", "validate", "closed", 100],
        ["pre-route", "validate", "closed", 200],
      ],
      needs: [100, 200],
    },
    { what: "observers wait nowhere", rows: [["pre-auth", "observe", "open", 500]], needs: [] },
    {
      what: "observers between two phases do not join their validators",
      rows: [
        ["pre-auth", "validate", "closed", 100],
        ["pre-auth", "observe", "open", 500],
        ["pre-route", "validate", "closed", 200],
        ["post-response", "mutate", "closed", 50],
        ["post-response", "validate", "closed", 60],
      ],
      needs: [100, 200, 50, 60],
    },
  ])("$what", ({ rows, needs: expected }) => {
    expect(needs(rows)).toEqual(expected);
  });
});

describe("scale and reserves (C20)", () => {
  const three: readonly Row[] = [
    ["pre-auth", "mutate", "closed", 500],
    ["pre-route", "mutate", "open", 30_000],
    ["pre-route", "validate", "closed", 1500],
  ];

  it.each<{ budgetMs: number; rows: readonly Row[]; scale: number; reserves: readonly number[] }>([
    { budgetMs: 2000, rows: [], scale: 1, reserves: [] },
    { budgetMs: 2000, rows: [["pre-auth", "mutate", "open", 30_000]], scale: 1, reserves: [0] },
    { budgetMs: 4000, rows: three, scale: 1, reserves: [500, 0, 1500] },
    { budgetMs: 2000, rows: three, scale: 1, reserves: [500, 0, 1500] },
    { budgetMs: 1000, rows: three, scale: 0.5, reserves: [250, 0, 750] },
    { budgetMs: 1000, rows: [["pre-auth", "mutate", "closed", 30_000]], scale: 1 / 30, reserves: [1000] },
  ])("scales $rows.length bindings into $budgetMs ms by $scale", ({ budgetMs, rows, scale, reserves: expected }) => {
    expect(scaleOf(budgetMs, positionsOf(rows.map(timed)))).toBeCloseTo(scale, 12);
    expect(reserves(budgetMs, rows).map((ms) => Math.round(ms * 1e6) / 1e6)).toEqual(expected);
  });

  it("names every position whose share is too short for a call, and no other", () => {
    const rows: readonly Row[] = [
      ["pre-auth", "mutate", "closed", 30_000],
      ["pre-route", "mutate", "closed", 100],
      ["pre-route", "mutate", "open", 10],
      ["pre-route", "validate", "closed", 20],
    ];
    const positions = positionsOf(rows.map(timed));
    const small = tooSmallReserves(1000, positions);
    expect(small.map(({ position }) => positions.indexOf(position))).toEqual([1, 3]);
    for (const { reserveMs } of small) {
      expect(reserveMs).toBeGreaterThan(0);
      expect(reserveMs).toBeLessThan(MIN_GRANT_MS);
    }
    expect(tooSmallReserves(40_000, positions)).toEqual([]);
  });

  it("takes a share of exactly the shortest grant for long enough", () => {
    const positions = positionsOf(
      (
        [
          ["pre-auth", "mutate", "closed", 990],
          ["pre-route", "mutate", "closed", 10],
        ] as const
      ).map(timed),
    );
    expect(tooSmallReserves(1000, positions)).toEqual([]);
    expect(tooSmallReserves(999, positions)).toHaveLength(1);
  });

  it("never promises more than the budget, nor more than anybody asked for", () => {
    const row = fc.tuple(
      fc.constantFrom("pre-auth", "pre-route", "post-response"),
      fc.constantFrom("mutate", "validate", "observe"),
      fc.constantFrom("closed", "open"),
      fc.integer({ min: 10, max: 30_000 }),
    );
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), fc.integer({ min: 10, max: 60_000 }), (rows, budgetMs) => {
        const shares = reserves(budgetMs, rows);
        expect(shares.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(budgetMs * (1 + 1e-9));
        expect(shares.every((ms, index) => ms <= (needs(rows)[index] ?? 0))).toBe(true);
      }),
    );
  });
});

describe("grants of time (C20)", () => {
  it.each<{ what: string; timeoutMs: number; leftMs: number; reservedMs: number; granted: number; isCut: boolean }>([
    { what: "all that was asked for", timeoutMs: 500, leftMs: 2000, reservedMs: 1000, granted: 500, isCut: false },
    { what: "exactly what is left", timeoutMs: 500, leftMs: 1500, reservedMs: 1000, granted: 500, isCut: false },
    { what: "only what nobody behind may need", timeoutMs: 30_000, leftMs: 1000, reservedMs: 400, granted: 600, isCut: true },
    { what: "nothing, when the rest is promised", timeoutMs: 30_000, leftMs: 400, reservedMs: 400, granted: 0, isCut: true },
    {
      what: "less than nothing, when others took longer",
      timeoutMs: 500,
      leftMs: 100,
      reservedMs: 400,
      granted: -300,
      isCut: true,
    },
  ])("grants $what", ({ timeoutMs, leftMs, reservedMs, granted, isCut }) => {
    expect(grantMs(timeoutMs, leftMs, reservedMs)).toBe(granted);
    expect(isCutByBudget(granted, timeoutMs)).toBe(isCut);
  });

  it("keeps the slice of a fail-closed binding behind four black-holed fail-open ones of 30 s, within a budget of 1 s", () => {
    const rows: readonly Row[] = [
      ...[1, 2, 3, 4].map((): Row => ["pre-route", "mutate", "open", 30_000]),
      ["pre-route", "mutate", "closed", 400],
    ];
    const shares = reserves(1000, rows);
    let leftMs = 1000;
    const granted = rows.map(([, , , timeoutMs], index) => {
      const behind = shares.slice(index + 1).reduce((sum, ms) => sum + ms, 0);
      const grant = grantMs(timeoutMs, leftMs, behind);
      // nobody ever answers
      if (grant >= MIN_GRANT_MS) leftMs -= grant;
      return grant;
    });
    expect(granted).toEqual([600, 0, 0, 0, 400]);
    expect(leftMs).toBe(0);
  });
});
