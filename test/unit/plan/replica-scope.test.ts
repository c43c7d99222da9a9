import { describe, expect, it } from "vitest";
import type { Manifest } from "../../../src/model/manifest.ts";
import { configText, declared, interceptor, listed, manifest, planIssues, type Section } from "../../support/plan.ts";

const COUNTS: Manifest = {
  ...manifest(declared("take"), declared("look", { mode: "observe", phase: "post-response" })),
  stateScope: "replica",
};

const TWO = { endpoint: undefined, endpoints: ["grpc://127.0.0.1:7443", "grpc://127.0.0.1:7444"] };

const issuesOf = ({ binding = {}, own = {}, top = {} }: { binding?: Section; own?: Section; top?: Section }, service = COUNTS) =>
  planIssues(configText({ interceptors: [interceptor("quota", [listed("take", binding)], own)], ...top }), { quota: service });

describe("a service whose replicas keep state of their own", () => {
  it("is bound without a word where there is one endpoint and one gateway", async () => {
    expect(await issuesOf({})).toEqual([]);
  });

  it.each([
    ["several endpoints", { own: TWO }, "2 endpoints"],
    ["several gateways", { top: { replicas: 3 } }, "3 gateways"],
    ["both", { own: TWO, top: { replicas: 3 } }, "2 endpoints and 3 gateways"],
    ["several gateways, in shadow too", { binding: { enforcement: "shadow" }, top: { replicas: 2 } }, "2 gateways"],
  ])("is refused at its binding with %s", async (_what, keys, said) => {
    const issues = await issuesOf(keys);
    expect(issues).toHaveLength(1);
    expect(issues[0]).toContain("/interceptors/0/bindings/0");
    expect(issues[0]).toContain(said);
    expect(issues[0]).toContain("accept_replica_scope: true");
  });

  it("is bound where the operator accepts it by name, or the binding only observes, or none is granted", async () => {
    expect(await issuesOf({ own: TWO, binding: { accept_replica_scope: true } })).toEqual([]);
    expect(await issuesOf({ own: TWO, binding: { id: "look", phase: "post-response", mode: "observe" } })).toEqual([]);
    expect(await issuesOf({ own: TWO, binding: { enabled: false } })).toEqual([]);
  });

  it.each(["none", "cluster"] as const)("is no concern where its state is %s", async (stateScope) => {
    expect(await issuesOf({ own: TWO, top: { replicas: 3 } }, { ...COUNTS, stateScope })).toEqual([]);
  });

  it("is refused under dynamic at the interceptor, for each binding that decides and is not accepted", async () => {
    const text = configText({ interceptors: [interceptor("quota", [], { grant: "dynamic" })], replicas: 2 });
    const issues = await planIssues(text, { quota: COUNTS });
    expect(issues).toHaveLength(1);
    expect(issues[0]).toContain('what "take" decides');
  });
});
