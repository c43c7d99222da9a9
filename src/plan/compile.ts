import { freezeDeep } from "../config/freeze-deep.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { InterceptorConfig } from "../config/interceptor-config.ts";
import type { ConfigIssue } from "../model/config-issue.ts";
import type { Manifest } from "../model/manifest.ts";
import type { ExecutionPlan, InterceptorPlan } from "../model/plan.ts";
import type { UpstreamPlan } from "../model/upstream-plan.ts";
import { err, ok, type Result } from "../model/result.ts";
import { checkBodies } from "./check-bodies.ts";
import { checkBudgets } from "./check-budgets.ts";
import { checkConditions } from "./check-conditions.ts";
import { checkReplicaScope } from "./check-replica-scope.ts";
import { checkRequire } from "./check-require.ts";
import { checkRouteInputs } from "./check-route-inputs.ts";
import { checkWriters } from "./check-writers.ts";
import { compileBindings } from "./compile-bindings.ts";
import { compileRoutes, mayGuardAll } from "./compile-route.ts";
import { revisionOf } from "./digest.ts";
import { sha256Hex } from "../support/hash.ts";
import { enforces } from "./enforces.ts";
import { hiddenNames, slotText } from "./hidden-names.ts";
import { Issues, type Locate } from "./issues.ts";

/**
 * Compiles a configuration and the manifests at hand into the plan that runs (RFC.md §7). Pure: Describe happens before it.
 * An interceptor without a manifest keeps its operator bindings, marked not described (C32). All issues at once, or a frozen plan.
 */
export function compile(
  config: GatewayConfig,
  manifests: ReadonlyMap<string, Manifest>,
  locate: Locate,
): Result<ExecutionPlan, readonly ConfigIssue[]> {
  const issues = new Issues(locate);
  const hiddenLists = hiddenNames(config);
  const hidden = { headers: new Set(hiddenLists.headers), query: new Set(hiddenLists.query) };
  const placed = compileBindings({ config, manifests, hidden, issues });
  const routes = compileRoutes(config, placed, manifests);
  warnInsecure(config, issues);
  checkWriters(placed, issues);
  checkRouteInputs(routes, placed, issues);
  checkConditions(placed, hidden, issues);
  checkBodies(routes, placed, { hidden, issues });
  checkBudgets(routes, placed, issues);
  checkReplicaScope(config, { manifests, placed }, issues);
  const unknown = config.interceptors.filter((each) => !manifests.has(each.name) && mayGuardAll(each));
  checkRequire(config, { routes, placed, unknown: new Set(unknown.map(({ name }) => name)) }, issues);
  if (issues.found.length > 0) return err(issues.inFileOrder());
  const failClosed = placed.filter(({ binding }) => binding.failurePolicy === "fail-closed" && enforces(binding));
  const required = new Set(failClosed.map(({ binding }) => binding.interceptor));
  const body = {
    routes,
    bindings: placed.map(({ binding }) => binding),
    interceptors: config.interceptors.map((interceptor) => compileInterceptor(interceptor, required, manifests)),
    upstreams: config.upstreams.map(compileUpstream),
    authenticators: config.authenticators.map(({ name, type, slots }) => ({ name, type, slots: slots.map(slotText) })),
    hidden: hiddenLists,
  };
  // warnings name places in a file: a comment above them makes no other plan
  return ok(freezeDeep({ revision: revisionOf(body), ...body, warnings: issues.warnings }));
}

function compileInterceptor(
  interceptor: InterceptorConfig,
  required: ReadonlySet<string>,
  manifests: ReadonlyMap<string, Manifest>,
): InterceptorPlan {
  const manifest = manifests.get(interceptor.name);
  return {
    name: interceptor.name,
    endpoints: interceptor.endpoints.map(({ url }) => url),
    described: manifest !== undefined,
    version: manifest?.version ?? "",
    grant: interceptor.grant,
    maxConcurrentReviews: interceptor.maxConcurrentReviews,
    maxPendingReviews: interceptor.maxPendingReviews,
    required: required.has(interceptor.name) || (manifest === undefined && mayGuardAll(interceptor)),
  };
}

function compileUpstream(upstream: GatewayConfig["upstreams"][number]): UpstreamPlan {
  return {
    name: upstream.name,
    protocol: upstream.protocol,
    endpoints: upstream.endpoints.map(({ url, weight, priority }) => ({ url, weight, priority })),
    balance: upstream.balance,
    hashBy: hashText(upstream.hashBy),
    maxRequests: upstream.maxRequests,
    breaker: upstream.breaker,
    health: upstream.health,
    retry: upstream.retry,
    tls: upstream.tls && {
      serverName: upstream.tls.serverName,
      authorities: upstream.tls.caFile === undefined ? "system" : "own",
      showsCertificate: upstream.tls.pair !== undefined,
    },
    dns: upstream.dns,
    fallback: upstream.fallback,
    fallbackOn: upstream.fallbackOn,
    timeouts: upstream.timeouts,
    descriptorSetDigest: upstream.descriptorSet === undefined ? undefined : sha256Hex(upstream.descriptorSet),
    credentialSlot: upstream.credential === undefined ? undefined : slotText(upstream.credential.slot),
  };
}

function hashText(hashBy: GatewayConfig["upstreams"][number]["hashBy"]): string {
  if (hashBy === undefined) return "";
  return hashBy.kind === "header" ? `header/${hashBy.name}` : hashBy.kind;
}

function warnInsecure(config: GatewayConfig, issues: Issues): void {
  for (const [index, { name, endpoints }] of config.interceptors.entries()) {
    if (endpoints.some(({ kind }) => kind === "grpc"))
      issues.warn(
        `/interceptors/${index}/${endpoints.length > 1 ? "endpoints" : "endpoint"}`,
        `reviews for ${name} travel unprotected: grpc:// has neither encryption nor identity`,
      );
  }
}
