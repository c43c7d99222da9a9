import { LIMITS } from "../../src/model/limits.ts";
import type { BindingPlan } from "../../src/model/plan.ts";

/** A granted binding for tests: a mutator at pre-route that needs and writes nothing, unless told otherwise. */
export function bindingPlan(parts: Partial<BindingPlan> = {}): BindingPlan {
  return {
    interceptor: "tenancy",
    id: "assign",
    phase: "pre-route",
    mode: "mutate",
    order: [0, 0],
    selector: { routes: ["main"], manifest: {} },
    needs: [],
    writes: [],
    ownsHeaders: [],
    foreignHeaders: [],
    expose: [],
    may: [],
    body: undefined,
    decode: ["gzip", "br", "zstd", "deflate"],
    failurePolicy: "fail-closed",
    onUnreviewable: "refuse",
    enforcement: "enforce",
    percent: 100,
    cache: undefined,
    idempotent: false,
    limits: {
      timeoutMs: LIMITS.timeoutMs.fallback,
      maxPatches: LIMITS.maxPatches.fallback,
      maxResponseBytes: LIMITS.maxResponseBytes.fallback,
      maxBodyBytes: LIMITS.maxBodyBytes.fallback,
    },
    configJson: "",
    configDigest: "",
    digest: "d1",
    described: true,
    ...parts,
  };
}
