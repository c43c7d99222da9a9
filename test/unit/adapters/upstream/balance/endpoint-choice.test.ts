import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EndpointChoice } from "../../../../../src/adapters/upstream/balance/endpoint-choice.ts";

interface Fake {
  readonly url: string;
  readonly weight: number;
  readonly priority: number;
  inFlight: number;
}

const endpoints = (weights: readonly number[]): Fake[] =>
  weights.map((weight, index) => ({ url: `http://10.0.0.${index}:80`, weight, priority: 0, inFlight: 0 }));

const all = (): boolean => true;

const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 });

function countOf(choice: EndpointChoice<Fake>, times: number, usable: (one: Fake) => boolean = all): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < times; i += 1) {
    const url = choice.next(usable, undefined)?.url ?? "none";
    counts.set(url, (counts.get(url) ?? 0) + 1);
  }
  return counts;
}

describe("the choice of an endpoint", () => {
  it("gives each its weight exactly in every cycle, wherever the cycle begins", () => {
    fc.assert(
      fc.property(weights, fc.nat(50), (list, skipped) => {
        const fakes = endpoints(list);
        const choice = new EndpointChoice(fakes, "weighted");
        countOf(choice, skipped);
        const cycle = list.reduce((sum, weight) => sum + weight, 0);
        const counts = countOf(choice, cycle);
        for (const { url, weight } of fakes) expect(counts.get(url)).toBe(weight);
      }),
    );
  });

  it("gives each the same in every cycle when in turn, also while some are left out", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.array(fc.nat(11), { maxLength: 6 }), (count, left) => {
        const fakes = endpoints(Array.from({ length: count }, () => 1));
        const used = fakes.filter((_, index) => !left.includes(index));
        fc.pre(used.length > 0);
        const counts = countOf(new EndpointChoice(fakes, "round-robin"), used.length * 3, (one) => used.includes(one));
        expect([...counts.keys()].toSorted()).toEqual(used.map(({ url }) => url).toSorted());
        for (const count of counts.values()) expect(count).toBe(3);
      }),
    );
  });

  it("takes the one with the fewest requests for its weight", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(50)), { minLength: 2, maxLength: 9 }), (list) => {
        const fakes = list.map(([weight, inFlight], index) => ({ url: String(index), weight, priority: 0, inFlight }));
        const loadOf = ({ inFlight, weight }: Fake): number => (inFlight + 1) / weight;
        const chosen = new EndpointChoice(fakes, "least-request").next(all, undefined);
        expect(chosen && loadOf(chosen)).toBe(Math.min(...fakes.map(loadOf)));
      }),
    );
  });

  it("spreads idle endpoints in turn by least-request", () => {
    expect([...countOf(new EndpointChoice(endpoints([1, 1, 1]), "least-request"), 9).values()]).toEqual([3, 3, 3]);
  });

  it("uses a lower priority only while no higher one is usable, whatever the balance", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("round-robin", "least-request", "weighted", "hash"),
        fc.array(fc.record({ priority: fc.nat(3), usable: fc.boolean() }), { minLength: 1, maxLength: 8 }),
        fc.option(fc.string(), { nil: undefined }),
        (balance, list, key) => {
          const fakes = list.map((each, index) => ({ ...each, url: `http://10.0.0.${index}`, weight: 1, inFlight: 0 }));
          const chosen = new EndpointChoice(fakes, balance).next(({ usable }) => usable, key);
          const best = Math.min(...fakes.filter(({ usable }) => usable).map(({ priority }) => priority));
          if (chosen === undefined) expect(best).toBe(Infinity);
          else expect(chosen).toMatchObject({ usable: true, priority: best });
        },
      ),
    );
  });
});

describe("the choice by hash", () => {
  const keys = Array.from({ length: 20_000 }, (_, index) => `203.0.${index >> 8}.${index & 255}`);

  it("moves only the keys of an endpoint that leaves, and brings them back with it", () => {
    fc.assert(
      fc.property(weights, fc.nat(11), fc.array(fc.string(), { minLength: 1, maxLength: 50 }), (list, gone, some) => {
        fc.pre(list.length > 1);
        const fakes = endpoints(list);
        const leaver = fakes[gone % fakes.length];
        const choice = new EndpointChoice(fakes, "hash");
        for (const key of some) {
          const before = choice.next(all, key);
          const without = choice.next((one) => one !== leaver, key);
          expect(without).not.toBe(leaver);
          if (before !== leaver) expect(without).toBe(before);
          expect(choice.next(all, key)).toBe(before);
        }
      }),
    );
  });

  it("moves to an endpoint that comes no more than its share", () => {
    const ten = endpoints(Array.from({ length: 10 }, () => 1));
    const before = new EndpointChoice(ten.slice(0, 9), "hash");
    const after = new EndpointChoice(ten, "hash");
    const moved = keys.filter((key) => before.next(all, key)?.url !== after.next(all, key)?.url);
    expect(moved.every((key) => after.next(all, key) === ten[9])).toBe(true);
    expect(moved.length / keys.length).toBeGreaterThan(0.08);
    expect(moved.length / keys.length).toBeLessThan(0.12);
  });

  it("gives each endpoint keys in proportion to its weight", () => {
    const fakes = endpoints([1, 2, 5]);
    const choice = new EndpointChoice(fakes, "hash");
    const counts = fakes.map((fake) => keys.filter((key) => choice.next(all, key) === fake).length / keys.length);
    for (const [at, share] of [1 / 8, 2 / 8, 5 / 8].entries()) expect(counts[at]).toBeCloseTo(share, 1);
  });

  it("is the same in every process: it depends on addresses alone, not on their order", () => {
    const fakes = endpoints([1, 1, 1, 1]);
    const [one, other] = [new EndpointChoice(fakes, "hash"), new EndpointChoice(fakes.toReversed(), "hash")];
    for (const key of keys.slice(0, 500)) expect(one.next(all, key)).toBe(other.next(all, key));
  });

  it("takes requests without a key in turn", () => {
    expect([...countOf(new EndpointChoice(endpoints([1, 1]), "hash"), 8).values()]).toEqual([4, 4]);
  });
});
