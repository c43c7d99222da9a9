import type { RouteConfig } from "../config/gateway-config.ts";
import type { BindingConfig, InterceptorConfig } from "../config/interceptor-config.ts";
import type { Manifest } from "../model/manifest.ts";
import type { BindingPlan, GrantedCachePlan } from "../model/plan.ts";
import type { GrantedBinding } from "../review/grant.ts";
import { configDigest } from "./digest.ts";
import { resolveSelector } from "./resolve-selector.ts";

/** A binding before all bindings are known. */
export type Draft = Omit<BindingPlan, "digest" | "foreignHeaders">;

/** A binding both sides agree on, with the operator's terms (C30). */
export function grantedDraft(
  interceptor: InterceptorConfig,
  routes: readonly RouteConfig[],
  granted: GrantedBinding<BindingConfig> & { readonly service: CachingFacts },
): Draft {
  const { declaration, operator, mode, needs, writes, ownsHeaders } = granted;
  return {
    ...operatorPart(interceptor, operator),
    id: declaration.id,
    phase: declaration.phase,
    mode,
    selector: resolveSelector(routes, operator?.match ?? {}, declaration.selector),
    needs,
    writes,
    ownsHeaders,
    body: touchesBody([...needs, ...writes]) ? (operator?.body ?? declaration.body ?? "json") : undefined,
    idempotent: declaration.idempotent,
    cache: grantedCache(interceptor, granted),
    described: true,
    // observers can hold nothing up, whatever was written (C29)
    ...(mode === "observe" ? { failurePolicy: "fail-open" as const, enforcement: "enforce" as const, percent: 100 } : {}),
  };
}

/** What of a manifest decides whether its verdicts may be kept. */
export type CachingFacts = Pick<Manifest, "stateScope" | "revokes">;

/** Nothing is kept of who was shown a secret, counts what it is asked, or is asked for the sake of asking (C34). */
function grantedCache(
  interceptor: InterceptorConfig,
  { declaration, operator, mode, service }: GrantedBinding<BindingConfig> & { readonly service: CachingFacts },
): GrantedCachePlan | undefined {
  const { cache, enforcement } = operator?.terms ?? interceptor.terms;
  if (cache === undefined || cache.maxEntries === 0 || !declaration.cacheable) return undefined;
  if (service.stateScope !== "none" || (operator?.expose ?? []).length > 0) return undefined;
  if (mode === "observe" || enforcement === "shadow") return undefined;
  return { ...cache, revocable: service.revokes };
}

/** A binding as the operator lists it, of an interceptor that has not told what it wants yet (C32). */
export function undescribedDraft(interceptor: InterceptorConfig, routes: readonly RouteConfig[], operator: BindingConfig): Draft {
  return {
    ...operatorPart(interceptor, operator),
    id: operator.id,
    phase: operator.phase,
    mode: operator.mode,
    selector: resolveSelector(routes, operator.match),
    needs: [],
    writes: [],
    ownsHeaders: [],
    body: undefined,
    idempotent: false,
    cache: undefined,
    described: false,
  };
}

type OperatorPart = Omit<
  Draft,
  "id" | "phase" | "mode" | "selector" | "needs" | "writes" | "ownsHeaders" | "body" | "idempotent" | "cache" | "described"
>;

function operatorPart(interceptor: InterceptorConfig, operator: BindingConfig | undefined): OperatorPart {
  const terms = operator?.terms ?? interceptor.terms;
  const configJson = operator?.configJson ?? "";
  return {
    interceptor: interceptor.name,
    order: [interceptor.order, operator?.order ?? 0],
    expose: operator?.expose ?? [],
    may: operator?.may ?? [],
    decode: terms.decode,
    failurePolicy: terms.failurePolicy,
    onUnreviewable: terms.onUnreviewable,
    enforcement: terms.enforcement,
    // only what decides nothing may be left out of exchanges
    percent: terms.enforcement === "shadow" ? (operator?.percent ?? 100) : 100,
    limits: terms.limits,
    configJson,
    configDigest: configDigest(configJson),
  };
}

const touchesBody = (pointers: readonly string[]): boolean =>
  pointers.some((pointer) => /^\/(request|response)($|\/body($|\/))/.test(pointer));
