import { PHASES } from "../model/phase.ts";
import type { BindingPlan, ExecutionPlan } from "../model/plan.ts";
import type { RoutePlan } from "../model/route-plan.ts";
import type { UpstreamPlan } from "../model/upstream-plan.ts";
import { endpointText, responseFallbackText } from "../plan/plan-facts.ts";

/** A plan as people read it: per route what is asked, in the order it is asked. */
export function planLines(plan: ExecutionPlan): readonly string[] {
  return [
    `revision ${plan.revision}`,
    ...plan.routes.flatMap((route) => ["", ...routeLines(plan, route)]),
    ...(plan.upstreams.length === 0 ? [] : ["", ...plan.upstreams.map(upstreamLine)]),
  ];
}

/** What is as built in is left out, but for the endpoints. */
function upstreamLine({ name, endpoints, balance, hashBy, health, tls, fallback, fallbackOn, retry }: UpstreamPlan): string {
  const retried = [...retry.on, ...retry.statuses];
  const parts = [
    `upstream ${name}: ${endpoints.map(endpointText).join(" ")}`,
    endpoints.length === 1 ? "" : `${balance}${hashBy === "" ? "" : ` by ${hashBy}`}`,
    health === undefined ? "" : `asked for ${health.path} every ${health.intervalMs} ms`,
    tls === undefined ? "" : `TLS as ${tls.serverName ?? "each endpoint's host"}`,
    retry.attempts === 1 || retried.length === 0 ? "no repeats" : `${retry.attempts} attempts on ${retried.join(" ")}`,
    listed("fallback", fallback),
    ...fallbackOn.map((each) => `fallback ${responseFallbackText(each)}`),
  ];
  return parts.filter((part) => part !== "").join("; ");
}

function routeLines(plan: ExecutionPlan, route: RoutePlan): readonly string[] {
  const { match } = route;
  const where = [match.hosts.join(","), match.path, match.methods.join(",")].filter((part) => part !== "").join(" ");
  const head = `route ${route.name}: ${where} -> ${route.upstream}, authenticate ${route.authenticate.join(", ")}, review budget ${route.reviewBudgetMs} ms`;
  const bindings = route.bindings.flatMap((index) => plan.bindings[index] ?? []);
  const notes = [
    ...(route.cors === undefined
      ? []
      : [`  pages of ${route.cors.origins.join(" ")}${route.cors.credentials ? ", with credentials" : ""}`]),
    ...route.guardedBy.map((name) => `  closed until ${name} is described`),
  ];
  if (bindings.length === 0) return [head, ...notes, "  no reviews"];
  const phases = Object.keys(PHASES).flatMap((phase) => {
    const own = bindings.filter((binding) => binding.phase === phase);
    return own.length === 0 ? [] : [`  ${phase}`, ...own.map((binding) => `    ${bindingLine(binding)}`)];
  });
  return [head, ...notes, ...phases];
}

function bindingLine(binding: BindingPlan): string {
  const { selector, limits } = binding;
  const parts = [
    `${binding.enforcement === "shadow" ? "shadow " : ""}${binding.mode} ${binding.interceptor}/${binding.id}`,
    binding.percent < 100 ? `${binding.percent} % of exchanges` : "",
    binding.described ? "" : "not described",
    `${binding.failurePolicy} ${limits.timeoutMs} ms`,
    listed("needs", binding.needs),
    listed("writes", binding.writes),
    listed("expose", binding.expose),
    listed("may", binding.may),
    listed("methods", selector.methods ?? []),
    listed("paths", selector.paths ?? []),
    listed("hosts", selector.hosts ?? []),
    selector.when === undefined ? "" : `when ${selector.when}`,
    binding.onUnreviewable === "skip" ? "skips what cannot be shown" : "",
  ];
  return parts.filter((part) => part !== "").join("; ");
}

const listed = (name: string, list: readonly string[]): string => (list.length === 0 ? "" : `${name} ${list.join(" ")}`);
