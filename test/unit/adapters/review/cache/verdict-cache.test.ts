import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { PatchOp as WireOp } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { RawNumber } from "@sallyport/contract/json.ts";
import { toPatch } from "@sallyport/contract/patch-wire.ts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VerdictCache, type KeepTerms, type KeptVerdict } from "../../../../../src/adapters/review/cache/verdict-cache.ts";
import { FakeClock } from "../../../../support/fake-clock.ts";

const allow = (note = "n"): KeptVerdict => ({
  kind: "allow",
  patches: [],
  annotations: [{ name: "note", value: note }],
  warnings: [],
});

const terms = (parts: Partial<KeepTerms> = {}): KeepTerms => ({
  shelf: "pre-route a",
  maxEntries: 100,
  ttlMs: 1_000,
  tags: [],
  revocable: false,
  since: 0,
  ...parts,
});

const MIB = 1024 * 1024;

/** Gives the bytes of the heap that are in use once nothing is left to be collected. */
function garbageCollector(): () => number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("no garbage collector to be had");
  return () => {
    Reflect.apply(collect, undefined, []);
    return process.memoryUsage().heapUsed;
  };
}

describe("the verdict cache (C34)", () => {
  it("gives a verdict again, with its age, until its time is over", () => {
    const clock = new FakeClock();
    const cache = new VerdictCache(clock);
    const verdict = allow();
    cache.keep("x", verdict, terms());
    clock.advance(999);
    expect(cache.find("x")).toEqual({ verdict, ageMs: 999 });
    clock.advance(1);
    expect(cache.find("x")).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it("keeps nothing that lasts no time, has no room, or was never there", () => {
    const cache = new VerdictCache(new FakeClock(), 2_000);
    cache.keep("none", allow(), terms({ ttlMs: 0 }));
    cache.keep("no room", allow(), terms({ maxEntries: 0 }));
    cache.keep("too large", allow("x".repeat(1_000)), terms());
    expect([cache.size, cache.find("never")]).toEqual([0, undefined]);
  });

  it("drops what was unused for longest where a binding has too many, and leaves other bindings alone", () => {
    const cache = new VerdictCache(new FakeClock());
    cache.keep("other", allow(), terms({ shelf: "pre-route b", maxEntries: 1 }));
    for (const id of ["x", "y"]) cache.keep(id, allow(), terms({ maxEntries: 2 }));
    expect(cache.find("x")).toBeDefined();
    cache.keep("z", allow(), terms({ maxEntries: 2 }));
    expect(["other", "x", "y", "z"].filter((id) => cache.find(id) !== undefined)).toEqual(["other", "x", "z"]);
  });

  it("holds on to no message a verdict was cut out of: what it counts is what it keeps", () => {
    const collect = garbageCollector();
    const cache = new VerdictCache(new FakeClock());
    const before = collect();
    for (let index = 0; index < 64; index += 1) {
      const patch = {
        op: WireOp.ADD,
        path: "/request/body/a",
        from: "",
        valueJson: `[${" ".repeat(MIB)}"fourteen chars", 1.50]`,
      };
      const read = toPatch(patch);
      if (!read.ok) throw new Error(read.error);
      cache.keep(`v${index}`, { kind: "allow", patches: [read.value], annotations: [], warnings: [] }, terms());
    }
    expect(collect() - before).toBeLessThan(8 * MIB);
    const kept = cache.find("v0")?.verdict;
    expect(kept).toMatchObject({ patches: [{ op: "add", value: ["fourteen chars", new RawNumber("1.50")] }] });
  });

  it("drops what was unused for longest, of whichever binding, where all together take too much", () => {
    const cache = new VerdictCache(new FakeClock(), 8_000);
    for (let index = 0; index < 50; index += 1) cache.keep(`v${index}`, allow("x".repeat(500)), terms({ shelf: `s${index}` }));
    expect(cache.size).toBeGreaterThan(2);
    expect(cache.size).toBeLessThan(6);
    expect(cache.find("v49")).toBeDefined();
    expect(cache.find("v0")).toBeUndefined();
  });

  it("forgets by tag, and says how many", () => {
    const cache = new VerdictCache(new FakeClock());
    cache.keep("x", allow(), terms({ tags: ["a", "b"] }));
    cache.keep("y", allow(), terms({ tags: ["b"] }));
    cache.keep("z", allow(), terms());
    expect(cache.revoke(["a", "b", "unknown"])).toBe(2);
    expect(cache.revoke(["a"])).toBe(0);
    expect(["x", "y", "z"].filter((id) => cache.find(id) !== undefined)).toEqual(["z"]);
  });

  it("does not keep a verdict whose review began before a revoke of its tag", () => {
    const cache = new VerdictCache(new FakeClock());
    const since = cache.moment;
    cache.revoke(["a"]);
    cache.keep("x", allow(), terms({ since, tags: ["a"] }));
    cache.keep("y", allow(), terms({ since, tags: ["b"] }));
    cache.keep("z", allow(), terms({ since: cache.moment, tags: ["a"] }));
    expect(["x", "y", "z"].filter((id) => cache.find(id) !== undefined)).toEqual(["y", "z"]);
  });

  it("forgets what can be revoked when it may have missed a revoke, and nothing else", () => {
    const cache = new VerdictCache(new FakeClock());
    cache.keep("x", allow(), terms({ revocable: true }));
    cache.keep("y", allow(), terms());
    const since = cache.moment;
    cache.loseTouch();
    cache.keep("late", allow(), terms({ revocable: true, since }));
    expect(["x", "y", "late"].filter((id) => cache.find(id) !== undefined)).toEqual(["y"]);
  });

  it("agrees with a naive model, whatever happens in whatever order", () => {
    const id = fc.integer({ min: 0, max: 5 }).map((number) => `id${number}`);
    const tags = fc.subarray(["a", "b", "c"]);
    const step = fc.oneof(
      fc.record({ do: fc.constant("begin" as const), id, tags, ttlMs: fc.integer({ min: 0, max: 50 }), revocable: fc.boolean() }),
      fc.record({ do: fc.constant("end" as const), which: fc.nat(5) }),
      fc.record({ do: fc.constant("find" as const), id }),
      fc.record({ do: fc.constant("revoke" as const), tags }),
      fc.record({ do: fc.constant("loseTouch" as const) }),
      fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 40 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const clock = new FakeClock();
        const cache = new VerdictCache(clock);
        interface Under {
          readonly id: string;
          readonly terms: KeepTerms;
          readonly verdict: KeptVerdict;
          spoilt: boolean;
        }
        const under: Under[] = [];
        const model = new Map<string, { readonly until: number; readonly of: Under }>();
        let count = 0;
        for (const each of steps) {
          switch (each.do) {
            case "begin":
              count += 1;
              under.push({
                id: each.id,
                terms: terms({ ...each, since: cache.moment }),
                verdict: allow(`v${count}`),
                spoilt: false,
              });
              break;
            case "end": {
              const [ended] = under.splice(each.which, 1);
              if (ended === undefined) break;
              cache.keep(ended.id, ended.verdict, ended.terms);
              if (!ended.spoilt && ended.terms.ttlMs > 0)
                model.set(ended.id, { until: clock.nowMs() + ended.terms.ttlMs, of: ended });
              break;
            }
            case "find": {
              const expected = model.get(each.id);
              const isThere = expected !== undefined && clock.nowMs() < expected.until;
              expect(cache.find(each.id)?.verdict).toEqual(isThere ? expected.of.verdict : undefined);
              break;
            }
            case "revoke":
            case "loseTouch": {
              const isHit = (entry: Under): boolean =>
                each.do === "revoke" ? entry.terms.tags.some((tag) => each.tags.includes(tag)) : entry.terms.revocable;
              if (each.do === "revoke") cache.revoke(each.tags);
              else cache.loseTouch();
              for (const [key, { of }] of model) if (isHit(of)) model.delete(key);
              for (const entry of under) if (isHit(entry)) entry.spoilt = true;
              break;
            }
            case "wait":
              clock.advance(each.ms);
              break;
            default:
              each satisfies never;
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
