import type { GatewayConfig, RouteConfig } from "../config/gateway-config.ts";
import type { InterceptorConfig } from "../config/interceptor-config.ts";
import type { Manifest } from "../model/manifest.ts";
import type { RoutePlan } from "../model/route-plan.ts";
import type { PlacedBinding } from "./compile-bindings.ts";
import { enforces } from "./enforces.ts";

/** The routes of the plan: each with the bindings that can match on it, in execution order, and the interceptors that keep it closed for now (C32). Routes with the same bindings have one list of them. */
export function compileRoutes(
  config: GatewayConfig,
  placed: readonly PlacedBinding[],
  manifests: ReadonlyMap<string, Manifest>,
): readonly RoutePlan[] {
  const byRoute = new Map<string, number[]>(config.routes.map(({ name }) => [name, []]));
  for (const [index, { binding }] of placed.entries()) {
    for (const route of binding.selector.routes) byRoute.get(route)?.push(index);
  }
  const undescribed = config.interceptors.filter(({ name }) => !manifests.has(name));
  const shared = new Map<string, Pick<RoutePlan, "bindings" | "guardedBy">>();
  return config.routes.map((route) => {
    const bindings = byRoute.get(route.name) ?? [];
    return { ...routePlan(route), ...getOrAdd(shared, bindings.join(), () => ({ bindings, guardedBy: guards(bindings) })) };
  });

  function guards(bindings: readonly number[]): readonly string[] {
    const closed = new Set(bindings.flatMap((index) => closedBy(placed[index])));
    const guarding = undescribed.filter((interceptor) => mayGuardAll(interceptor) || closed.has(interceptor.name));
    return guarding.map(({ name }) => name);
  }
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

function routePlan({ match, ...route }: RouteConfig): Omit<RoutePlan, "bindings" | "guardedBy"> {
  return {
    name: route.name,
    listeners: route.listeners,
    match: { ...match, path: match.path.source },
    authenticate: route.authenticate,
    upstream: route.upstream,
    labels: route.labels,
    maxBodyBytes: route.maxBodyBytes,
    reviewBudgetMs: route.reviewBudgetMs,
    streaming: route.streaming,
    websocket: route.websocket,
    warnings: route.warnings,
    transcode: route.transcode,
    errorFormat: route.errorFormat,
    upstreamErrors: route.upstreamErrors,
    cors: route.cors,
  };
}

/** The interceptor of a binding without which no exchange may pass. */
const closedBy = (entry: PlacedBinding | undefined): readonly string[] =>
  entry?.binding.failurePolicy === "fail-closed" && enforces(entry.binding) ? [entry.binding.interceptor] : [];

/** Whether an interceptor keeps every route closed until it was described: nobody knows its bindings before, and some may be fail-closed (C32). */
export const mayGuardAll = ({ grant, terms }: InterceptorConfig): boolean =>
  grant === "dynamic" && terms.failurePolicy === "fail-closed" && enforces(terms);
