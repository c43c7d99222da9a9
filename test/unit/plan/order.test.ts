import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareBindings } from "../../../src/plan/order.ts";
import { bindingPlan } from "../../support/binding-plan.ts";
import { bindingsOn, configText, declared, interceptor, listed, manifest, planOf, route } from "../../support/plan.ts";

const binding = fc
  .record({
    interceptor: fc.constantFrom("a", "B", "b", "ab", "é"),
    id: fc.constantFrom("x", "X", "y", "10", "9"),
    phase: fc.constantFrom("pre-auth", "pre-route", "post-response"),
    mode: fc.constantFrom("mutate", "validate", "observe"),
    order: fc.tuple(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -2, max: 2 })),
  })
  .map((parts) => bindingPlan(parts));

const identity = ({ interceptor: name, id, phase }: ReturnType<typeof bindingPlan>): string => `${name}/${id}@${phase}`;

describe("compareBindings", () => {
  it.each([
    ["phase before everything", { phase: "pre-auth", order: [9, 9] }, { phase: "pre-route", order: [0, 0] }],
    ["mode before order: mutators settle what validators judge", { order: [9, 9] }, { mode: "validate", order: [0, 0] }],
    ["validators before observers", { mode: "validate", order: [9, 9] }, { mode: "observe", order: [0, 0] }],
    ["the interceptor's order", { order: [1, 9] }, { order: [2, 0] }],
    ["then the binding's order", { order: [1, 1], interceptor: "z" }, { order: [1, 2], interceptor: "a" }],
    ["then the interceptor's name", { interceptor: "a", id: "z" }, { interceptor: "b", id: "a" }],
    ["then the binding's id", { id: "a" }, { id: "b" }],
    ["code units, not a locale", { id: "B" }, { id: "a" }],
  ] as const)("goes by %s", (_what, earlier, later) => {
    expect(compareBindings(bindingPlan(earlier), bindingPlan(later))).toBeLessThan(0);
    expect(compareBindings(bindingPlan(later), bindingPlan(earlier))).toBeGreaterThan(0);
  });

  it("is total: only a binding and itself are equal, and sorting gives one order whatever it starts from", () => {
    const bindings = fc.uniqueArray(binding, { selector: identity, maxLength: 12 });
    fc.assert(
      fc.property(
        bindings.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([all, shuffled]) => {
          expect(shuffled.toSorted(compareBindings)).toEqual(all.toSorted(compareBindings));
          for (const a of all) for (const b of all) expect(compareBindings(a, b) === 0).toBe(a === b);
        },
      ),
    );
  });
});

describe("the order of the file", () => {
  const interceptors = ["audit", "quota", "tenancy"].map((name, index) =>
    interceptor(
      name,
      [
        listed("b", { order: index % 2 }),
        listed("a"),
        listed("check", { mode: "validate" }),
        listed("late", { phase: "post-response", mode: "observe" }),
      ],
      { order: index === 2 ? 0 : 10 },
    ),
  );
  const routes = [route("orders"), route("users", { match: { path: "/v1/users/*" } }), route("all", { match: { path: "/**" } })];
  const answers = manifest(declared("a"), declared("b"), declared("check"), declared("late", { phase: "post-response" }));
  const manifests = { audit: answers, quota: answers, tenancy: answers };

  it("changes neither what runs, nor in which order, nor any digest", async () => {
    const plan = await planOf(configText({ interceptors, routes }), manifests);
    expect(bindingsOn(plan, "orders").slice(0, 4)).toEqual(["tenancy/a", "tenancy/b", "audit/a", "audit/b"]);
    const shuffledBindings = fc.tuple(
      fc.shuffledSubarray(interceptors, { minLength: 3 }),
      fc.shuffledSubarray(routes, { minLength: 3 }),
      fc.boolean(),
    );
    await fc.assert(
      fc.asyncProperty(shuffledBindings, async ([someInterceptors, someRoutes, reverse]) => {
        const turned = someInterceptors.map((each) => ({
          ...each,
          bindings: reverse ? (each["bindings"] as unknown[]).toReversed() : each["bindings"],
        }));
        const other = await planOf(configText({ interceptors: turned, routes: someRoutes }), manifests);
        expect(other.bindings.map(({ interceptor: name, id, digest }) => [name, id, digest])).toEqual(
          plan.bindings.map(({ interceptor: name, id, digest }) => [name, id, digest]),
        );
        for (const { name } of plan.routes) expect(bindingsOn(other, name)).toEqual(bindingsOn(plan, name));
      }),
      { numRuns: 20 },
    );
  });
});
