import { parsePathPattern } from "../config/path-pattern.ts";
import type { GatewayConfig, RequireConfig } from "../config/gateway-config.ts";
import type { BindingPlan, Selector } from "../model/plan.ts";
import type { RoutePlan } from "../model/route-plan.ts";
import type { PlacedBinding } from "./compile-bindings.ts";
import { enforces } from "./enforces.ts";
import type { Issues } from "./issues.ts";
import { coversHost, coversPattern, matchesMethod } from "./match-pattern.ts";

/** What claims are held against. */
interface Compiled {
  readonly routes: readonly RoutePlan[];
  readonly placed: readonly PlacedBinding[];
  /** Interceptors whose bindings nobody knows yet: until then they keep every route closed (C32), and there is nothing to judge. */
  readonly unknown: ReadonlySet<string>;
}

/**
 * Claims that routes are reviewed (C31): an issue for each route no binding covers, saying what each candidate lacks; a warning where
 * a route is covered only because the claim accepts a gap.
 */
export function checkRequire(config: GatewayConfig, { routes, placed, unknown }: Compiled, issues: Issues): void {
  for (const [index, claim] of config.require.entries()) {
    if (unknown.has(claim.interceptor)) continue;
    const candidates = candidatesFor(claim, placed);
    const claimed = new Set(claim.routes);
    for (const route of routes) {
      if (claimed.has(route.name)) judge(claim, { route, candidates, pointer: `/require/${index}` }, issues);
    }
  }
}

/** A binding that may meet a claim, and the names of the routes it can match at all. */
interface Candidate {
  readonly binding: BindingPlan;
  readonly routes: ReadonlySet<string>;
}

function candidatesFor(claim: RequireConfig, placed: readonly PlacedBinding[]): readonly Candidate[] {
  const bindings = placed.map(({ binding }) => binding);
  const meant = bindings.filter(
    ({ interceptor, phase, mode, id }) =>
      interceptor === claim.interceptor && phase === claim.phase && mode !== "observe" && (claim.binding ?? id) === id,
  );
  return meant.map((binding) => ({ binding, routes: new Set(binding.selector.routes) }));
}

/** One route of one claim. */
interface Case {
  readonly route: RoutePlan;
  readonly candidates: readonly Candidate[];
  readonly pointer: string;
}

function judge(claim: RequireConfig, { route, candidates, pointer }: Case, issues: Issues): void {
  const methods = claimedMethods(claim, route);
  if (methods === undefined) return;
  const judged = candidates.map((candidate) => judgement(claim, candidate, { route, methods }));
  if (judged.some(({ lacks, gaps }) => lacks.length === 0 && gaps.length === 0)) return;
  const accepted = judged.find(({ lacks }) => lacks.length === 0);
  if (accepted !== undefined) {
    const gaps = accepted.gaps.join(", ");
    return issues.warn(
      pointer,
      `route ${route.name} is covered by ${claim.interceptor}/${accepted.id} with an accepted gap: ${gaps}`,
    );
  }
  const none = `interceptor ${claim.interceptor} has no enforcing binding at ${claim.phase}`;
  const why = judged.length === 0 ? none : judged.map(({ id, lacks }) => `${id}: ${lacks.join(", ")}`).join("; ");
  issues.add(pointer, `route ${route.name} is not covered: ${why}`);
}

/** What keeps one candidate from meeting a claim, and what the claim puts up with. */
function judgement(
  claim: RequireConfig,
  candidate: Candidate,
  { route, methods }: { readonly route: RoutePlan; readonly methods: readonly string[] },
): { readonly id: string; readonly lacks: readonly string[]; readonly gaps: readonly string[] } {
  const { binding } = candidate;
  const gaps = gapsOf(binding);
  const refused = gaps.filter(({ word }) => !claim.accept.includes(word));
  const shadow = enforces(binding) ? [] : ["it is in shadow: what it says has no effect (enforcement: enforce)"];
  const lack = lackOf(candidate, route, methods);
  return {
    id: binding.id,
    lacks: [...shadow, ...refused.map(({ why }) => why), ...(lack === undefined ? [] : [lack])],
    gaps: gaps.filter(({ word }) => claim.accept.includes(word)).map(({ why }) => why),
  };
}

/** The claimed methods that the route takes; an empty list means every method there is, undefined none. */
function claimedMethods(claim: RequireConfig, { match }: RoutePlan): readonly string[] | undefined {
  if (claim.methods.length === 0) return match.methods;
  if (match.methods.length === 0) return claim.methods;
  const both = [
    ...claim.methods.filter((method) => matchesMethod(match.methods, method)),
    ...match.methods.filter((method) => matchesMethod(claim.methods, method)),
  ];
  return both.length === 0 ? undefined : [...new Set(both)];
}

/** What a claim may accept by name. */
interface Gap {
  readonly word: RequireConfig["accept"][number];
  readonly why: string;
}

function gapsOf({ failurePolicy, onUnreviewable, selector }: BindingPlan): readonly Gap[] {
  const gaps: Gap[] = [];
  if (failurePolicy !== "fail-closed") gaps.push({ word: "fail-open", why: "it is fail-open" });
  if (onUnreviewable !== "refuse") gaps.push({ word: "skip", why: "it skips what cannot be shown (on_unreviewable: skip)" });
  if (selector.when !== undefined) gaps.push({ word: "when", why: "it is conditional (when)" });
  return gaps;
}

/** Why a binding does not see every request of the route; undefined when it does. */
function lackOf({ binding: { selector }, routes }: Candidate, route: RoutePlan, methods: readonly string[]): string | undefined {
  if (!routes.has(route.name)) return "its selector leaves the route out";
  if (selector.principals !== undefined || selector.labels !== undefined) return "it selects principals or labels";
  return uncovered(selector, route, methods) ?? uncovered(selector.manifest, route, methods);
}

function uncovered(
  { methods, hosts, paths }: Pick<Selector, "hosts" | "paths" | "methods">,
  { match }: RoutePlan,
  claimed: readonly string[],
): string | undefined {
  if (methods !== undefined && (claimed.length === 0 || claimed.some((method) => !matchesMethod(methods, method)))) {
    return `it reviews only ${methods.join(", ")}`;
  }
  if (
    hosts !== undefined &&
    (match.hosts.length === 0 || match.hosts.some((host) => !hosts.some((pattern) => coversHost(pattern, host))))
  ) {
    return `it reviews only the hosts ${hosts.join(", ")}`;
  }
  return paths === undefined || isPathCovered(paths, match.path) ? undefined : `it reviews only the paths ${paths.join(", ")}`;
}

function isPathCovered(sources: readonly string[], path: string): boolean {
  const inner = parsePathPattern(path);
  if (!inner.ok) return false;
  return sources.some((source) => {
    const outer = parsePathPattern(source);
    return outer.ok && coversPattern(outer.value, inner.value);
  });
}
