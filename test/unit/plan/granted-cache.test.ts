import { describe, expect, it } from "vitest";
import type { BindingDeclaration, Manifest } from "../../../src/model/manifest.ts";
import { bindingOf, configText, declared, interceptor, listed, manifest, planOf, type Section } from "../../support/plan.ts";

interface Case {
  readonly declares?: Partial<BindingDeclaration>;
  readonly operator?: Section;
  readonly interceptorKeys?: Section;
  readonly service?: Partial<Manifest>;
}

async function cacheOf({ declares, operator, interceptorKeys, service }: Case): Promise<unknown> {
  const entry = listed("a", { cache: {}, ...operator });
  const text = configText({ interceptors: [interceptor("svc", [entry], interceptorKeys)] });
  const svc = {
    ...manifest(declared("a", { cacheable: true, needs: ["/request/headers/authorization"], ...declares })),
    ...service,
  };
  return bindingOf(await planOf(text, { svc }), "a").cache;
}

const DEFAULTS = { maxTtlMs: 60_000, maxNegativeTtlMs: 5_000, maxEntries: 10_000, shared: false, revocable: false };

describe("what a binding may keep of its verdicts (C34)", () => {
  it("is bounded by the operator's word, at the binding or at its interceptor", async () => {
    expect(await cacheOf({})).toEqual(DEFAULTS);
    const operator = { cache: { max_ttl: "2s", max_negative_ttl: "1s", max_entries: 5, shared: true } };
    expect(await cacheOf({ operator })).toEqual({
      maxTtlMs: 2_000,
      maxNegativeTtlMs: 1_000,
      maxEntries: 5,
      shared: true,
      revocable: false,
    });
    expect(await cacheOf({ operator: { cache: undefined }, interceptorKeys: { cache: {} } })).toEqual(DEFAULTS);
  });

  it("depends on the stream of revokes where the service says that it revokes", async () => {
    expect(await cacheOf({ service: { revokes: true } })).toEqual({ ...DEFAULTS, revocable: true });
  });

  it.each<[string, Case]>([
    ["the operator does not say so", { operator: { cache: undefined } }],
    ["the operator leaves no room", { operator: { cache: { max_entries: 0 } } }],
    ["the manifest does not declare it", { declares: { cacheable: false } }],
    ["the service has state in each replica", { service: { stateScope: "replica" } }],
    ["the service has state in all of them together", { service: { stateScope: "cluster" } }],
    ["the binding is shown a secret", { operator: { expose: ["/request/headers/authorization"] } }],
    ["it only observes", { operator: { mode: "observe" } }],
    ["it is a shadow", { operator: { enforcement: "shadow" } }],
  ])("is nothing where %s", async (_what, parts) => {
    expect(await cacheOf(parts)).toBeUndefined();
  });
});
