import { parsePathPattern } from "../config/path-pattern.ts";
import type { GatewayConfig, RequireConfig } from "../config/gateway-config.ts";
import type { BindingPlan, RoutePlan, Selector } from "../model/plan.ts";
import type { PlacedBinding } from "./compile-bindings.ts";
import type { Issues } from "./issues.ts";
import { coversPattern, matchesHost, matchesMethod } from "./match-pattern.ts";

/** Claims that routes are reviewed (C31): an issue for each route no binding covers, saying what each candidate lacks. */
export function checkRequire(config: GatewayConfig, routes: readonly RoutePlan[], placed: readonly PlacedBinding[], issues: Issues): void {
  for (const [index, claim] of config.require.entries()) {
    for (const route of routes.filter(({ name }) => claim.routes.includes(name))) {
      const candidates = candidatesFor(claim, placed);
      const lacks = candidates.map((binding) => `${binding.id}: ${lackOf(claim, route, binding) ?? ""}`);
      if (candidates.some((binding) => lackOf(claim, route, binding) === undefined)) continue;
      const why = lacks.length === 0 ? `interceptor ${claim.interceptor} has no enforcing binding at ${claim.phase}` : lacks.join("; ");
      issues.add(`/require/${index}`, `route ${route.name} is not covered: ${why}`);
    }
  }
}

function candidatesFor(claim: RequireConfig, placed: readonly PlacedBinding[]): readonly BindingPlan[] {
  return placed
    .map(({ binding }) => binding)
    .filter(({ interceptor, phase, mode, id }) => interceptor === claim.interceptor && phase === claim.phase && mode !== "observe" && (claim.binding ?? id) === id);
}

/** Why a binding does not meet the claim on this route; undefined when it does. */
function lackOf(claim: RequireConfig, route: RoutePlan, binding: BindingPlan): string | undefined {
  const { selector } = binding;
  if (!selector.routes.includes(route.name)) return "its selector leaves the route out";
  if (binding.failurePolicy !== "fail-closed" && !claim.accept.includes("fail-open")) return "it is fail-open";
  if (binding.onUnreviewable !== "refuse" && !claim.accept.includes("skip")) return "it skips what cannot be shown (on_unreviewable: skip)";
  if (selector.when !== undefined && !claim.accept.includes("when")) return "it is conditional (when)";
  if (selector.principals !== undefined || selector.labels !== undefined) return "it selects principals or labels";
  const methods = claim.methods.length > 0 ? claim.methods : route.match.methods;
  return [selector, selector.manifest].map((side) => uncovered(side, route, methods)).find((lack) => lack !== undefined);
}

function uncovered(side: Pick<Selector, "hosts" | "paths" | "methods">, route: RoutePlan, methods: readonly string[]): string | undefined {
  if (side.methods !== undefined && (methods.length === 0 || methods.some((method) => !matchesMethod(side.methods ?? [], method)))) {
    return `it reviews only ${side.methods.join(", ")}`;
  }
  if (side.hosts !== undefined && (route.match.hosts.length === 0 || route.match.hosts.some((host) => !hostCovered(side.hosts ?? [], host)))) {
    return `it reviews only the hosts ${side.hosts.join(", ")}`;
  }
  return side.paths === undefined || pathCovered(side.paths, route.match.path) ? undefined : `it reviews only the paths ${side.paths.join(", ")}`;
}

const hostCovered = (patterns: readonly string[], host: string): boolean =>
  patterns.some((pattern) => pattern === host || (!host.startsWith("*.") && matchesHost(pattern, host)) || (pattern.startsWith("*.") && host.endsWith(pattern.slice(1))));

function pathCovered(sources: readonly string[], path: string): boolean {
  const inner = parsePathPattern(path);
  return (
    inner.ok &&
    sources.some((source) => {
      const outer = parsePathPattern(source);
      return outer.ok && coversPattern(outer.value, inner.value);
    })
  );
}
