import type { GatewayConfig, InterceptorConfig, RouteConfig } from "../config/gateway-config.ts";
import type { ConfigIssue } from "../model/config-issue.ts";
import type { Manifest } from "../model/manifest.ts";
import type { ExecutionPlan, InterceptorPlan, RoutePlan, UpstreamPlan } from "../model/plan.ts";
import { err, ok, type Result } from "../model/result.ts";
import { checkBodies } from "./check-bodies.ts";
import { checkBudgets } from "./check-budgets.ts";
import { checkConditions } from "./check-conditions.ts";
import { checkRequire } from "./check-require.ts";
import { checkWriters } from "./check-writers.ts";
import { compileBindings, type PlacedBinding } from "./compile-bindings.ts";
import { revisionOf } from "./digest.ts";
import { hiddenNames, slotText } from "./hidden-names.ts";
import { Issues, type Locate } from "./issues.ts";

/**
 * Compiles a configuration and the manifests at hand into the plan that runs (RFC.md §7). Pure: Describe happens before it.
 * An interceptor without a manifest keeps its operator bindings, marked not described (C32). All issues at once, or a frozen plan.
 */
export function compile(config: GatewayConfig, manifests: ReadonlyMap<string, Manifest>, locate: Locate): Result<ExecutionPlan, readonly ConfigIssue[]> {
  const issues = new Issues(locate);
  const placed = compileBindings(config, manifests, issues);
  const routes = config.routes.map((route) => compileRoute(route, config, placed, manifests));
  const hidden = hiddenNames(config);
  warnInsecure(config, issues);
  checkWriters(placed, issues);
  checkBodies(routes, placed, issues);
  checkBudgets(routes, placed, issues);
  checkConditions(placed, hidden, issues);
  // a claim can only be judged when everything it speaks of is known; until then C32 guards the routes
  const claims = config.require.filter(({ interceptor }) => manifests.has(interceptor));
  checkRequire({ ...config, require: claims }, routes, placed, issues);
  if (issues.found.length > 0) return err(issues.found);
  const body = {
    routes,
    bindings: placed.map(({ binding }) => binding),
    interceptors: config.interceptors.map((interceptor) => compileInterceptor(interceptor, placed, manifests)),
    upstreams: config.upstreams.map(compileUpstream),
    authenticators: config.authenticators.map(({ name, type, slots }) => ({ name, type, slots: slots.map(slotText) })),
    hidden,
    warnings: issues.warnings,
  };
  return ok(deepFreeze({ revision: revisionOf(body), ...body }));
}

function compileRoute(route: RouteConfig, config: GatewayConfig, placed: readonly PlacedBinding[], manifests: ReadonlyMap<string, Manifest>): RoutePlan {
  const { match } = route;
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
    warnings: route.warnings,
    bindings: placed.flatMap(({ binding }, index) => (binding.selector.routes.includes(route.name) ? [index] : [])),
    guardedBy: config.interceptors.filter((interceptor) => guards(interceptor, route.name, placed, manifests)).map(({ name }) => name),
  };
}

/** Whether an interceptor that was not yet described keeps a route closed (C32). */
function guards(interceptor: InterceptorConfig, route: string, placed: readonly PlacedBinding[], manifests: ReadonlyMap<string, Manifest>): boolean {
  if (manifests.has(interceptor.name)) return false;
  if (interceptor.grant === "dynamic" && interceptor.terms.failurePolicy === "fail-closed") return true;
  return placed.some(
    ({ binding }) => binding.interceptor === interceptor.name && binding.failurePolicy === "fail-closed" && binding.selector.routes.includes(route),
  );
}

function compileInterceptor(interceptor: InterceptorConfig, placed: readonly PlacedBinding[], manifests: ReadonlyMap<string, Manifest>): InterceptorPlan {
  const manifest = manifests.get(interceptor.name);
  const own = placed.filter(({ binding }) => binding.interceptor === interceptor.name);
  return {
    name: interceptor.name,
    endpoint: interceptor.endpoint.url,
    described: manifest !== undefined,
    version: manifest?.version ?? "",
    grant: interceptor.grant,
    maxConcurrentReviews: interceptor.maxConcurrentReviews,
    maxPendingReviews: interceptor.maxPendingReviews,
    required: own.some(({ binding }) => binding.failurePolicy === "fail-closed") || (manifest === undefined && interceptor.grant === "dynamic"),
  };
}

function compileUpstream(upstream: GatewayConfig["upstreams"][number]): UpstreamPlan {
  return {
    name: upstream.name,
    endpoints: upstream.endpoints.map(({ url }) => url),
    maxRequests: upstream.maxRequests,
    timeouts: upstream.timeouts,
    credentialSlot: upstream.credential === undefined ? undefined : slotText(upstream.credential.slot),
  };
}

function warnInsecure(config: GatewayConfig, issues: Issues): void {
  for (const [index, { name, endpoint }] of config.interceptors.entries()) {
    if (endpoint.kind === "grpc") issues.warn(`/interceptors/${index}/endpoint`, `reviews for ${name} travel unprotected: grpc:// has neither encryption nor identity`);
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
