import type { BindingConfig, InterceptorConfig, RouteConfig } from "../config/gateway-config.ts";
import type { BindingPlan } from "../model/plan.ts";
import type { GrantedBinding } from "../review/grant.ts";
import { configDigest } from "./digest.ts";
import { resolveSelector } from "./resolve-selector.ts";

/** A binding before all bindings are known. */
export type Draft = Omit<BindingPlan, "digest" | "foreignHeaders">;

/** A binding both sides agree on, with the operator's terms (C30). */
export function grantedDraft(
  interceptor: InterceptorConfig,
  routes: readonly RouteConfig[],
  granted: GrantedBinding<BindingConfig>,
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
    // what a service may have answered differently for another caller, or was shown in confidence, is not kept (C34)
    cache:
      declaration.cacheable && (operator?.expose ?? []).length === 0 ? (operator?.terms ?? interceptor.terms).cache : undefined,
    described: true,
    // observers can hold nothing up, whatever was written (C29)
    ...(mode === "observe" ? { failurePolicy: "fail-open" as const, enforcement: "enforce" as const, cache: undefined } : {}),
  };
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
    percent: operator?.percent ?? 100,
    limits: terms.limits,
    configJson,
    configDigest: configDigest(configJson),
  };
}

const touchesBody = (pointers: readonly string[]): boolean =>
  pointers.some((pointer) => /^\/(request|response)($|\/body($|\/))/.test(pointer));
