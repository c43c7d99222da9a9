import { describe, expect, it } from "vitest";
import { planLines } from "../../../src/cli/plan-lines.ts";
import { configText, declared, interceptor, listed, manifest, planIssues, planOf, route } from "../../support/plan.ts";

const PARTS = { writes: ["/request/headers/x-a", "/labels/team"], ownsHeaders: ["x-a"] };

const text = (keys: Record<string, unknown>, require?: readonly Record<string, unknown>[], own?: Record<string, unknown>) =>
  configText({
    routes: [route("orders")],
    interceptors: [interceptor("tried", [listed("assign", keys)], own), interceptor("rival", [listed("assign")])],
    ...(require === undefined ? {} : { require }),
  });

const BOTH = { tried: manifest(declared("assign", PARTS)), rival: manifest(declared("assign", PARTS)) };

describe("a shadow binding in a plan (C33)", () => {
  it("is no writer of labels and no owner of headers, for itself or others", async () => {
    expect(await planIssues(text({}), BOTH)).not.toEqual([]);
    const plan = await planOf(text({ enforcement: "shadow" }), BOTH);
    expect(new Set(plan.bindings.map(({ interceptor: name, foreignHeaders }) => [name, foreignHeaders]))).toEqual(
      new Set([
        ["rival", []],
        ["tried", ["x-a"]],
      ]),
    );
  });

  it("gates no readiness and closes no route, alone or by its interceptor", async () => {
    for (const plan of [
      await planOf(text({ enforcement: "shadow" }), { rival: BOTH.rival }),
      await planOf(text({}, undefined, { enforcement: "shadow", grant: "dynamic" }), { rival: BOTH.rival }),
    ]) {
      expect(plan.interceptors.find(({ name }) => name === "tried")?.required).toBe(false);
      expect(plan.routes[0]?.guardedBy).toEqual([]);
    }
  });

  it("meets no claim, and says so", async () => {
    const claim = [{ routes: ["orders"], phase: "pre-route", interceptor: "tried" }];
    expect((await planIssues(text({ enforcement: "shadow" }, claim), BOTH)).join()).toContain("it is in shadow");
  });

  it("is shown as such, with its share", async () => {
    const lines = planLines(await planOf(text({ enforcement: "shadow", percent: 10 }), BOTH)).join("\n");
    expect(lines).toContain("shadow mutate tried/assign; 10 % of exchanges");
  });

  it("alone may have a share: percent on one that enforces is refused with the fix", async () => {
    expect((await planIssues(text({ percent: 10 }), BOTH).catch((thrown: unknown) => [String(thrown)])).join()).toContain(
      "percent goes only with enforcement: shadow",
    );
  });
});
