import type { BindingPlan, ExecutionPlan, InterceptorPlan } from "../model/plan.ts";
import type { RoutePlan } from "../model/route-plan.ts";
import type { UpstreamPlan } from "../model/upstream-plan.ts";
import { formatDuration } from "../support/durations.ts";
import { diffFacts, factsOf, type Facts } from "./diff-facts.ts";
import {
  AUTHENTICATOR_FACTS,
  BINDING_FACTS,
  endpointText,
  HIDDEN_FACTS,
  INTERCEPTOR_FACTS,
  ROUTE_FACTS,
  UPSTREAM_FACTS,
} from "./plan-facts.ts";

/** Most lines of one difference; a last one says how many are left out. */
const MAX_LINES = 200;

/** Longest line, in UTF-16 units: a manifest's lists can be long, and a log is not the place to read them. */
const MAX_LINE_CHARS = 400;

/**
 * What is otherwise in `after` than in `before`, one change a line, in the operator's words: `binding quota/count (pre-route): timeout:
 * 500ms -> 1s`. Shows no secret and no interceptor's `config:`, whose digest stands for it. At most 200 lines and one that counts the
 * rest; none for plans of the same revision.
 */
export function diffPlans(before: ExecutionPlan, after: ExecutionPlan): readonly string[] {
  const lines = [
    ...diffItems(before.routes, after.routes, ROUTES),
    ...diffItems(before.bindings, after.bindings, BINDINGS),
    ...diffItems(before.interceptors, after.interceptors, INTERCEPTORS),
    ...diffItems(before.upstreams, after.upstreams, UPSTREAMS),
    ...diffItems(before.authenticators, after.authenticators, AUTHENTICATORS),
    ...diffFacts(factsOf(HIDDEN_FACTS, before.hidden), factsOf(HIDDEN_FACTS, after.hidden)).map((change) => `hidden ${change}`),
  ];
  const shown = lines.slice(0, MAX_LINES).map(shortened);
  return lines.length <= MAX_LINES ? shown : [...shown, `… and ${lines.length - MAX_LINES} more`];
}

/** The same for the bindings of one interceptor, and the interceptor itself: what a new manifest of it would change. */
export const diffInterceptor = (name: string, before: ExecutionPlan, after: ExecutionPlan): readonly string[] =>
  diffPlans(partOf(before, name), partOf(after, name));

const partOf = (plan: ExecutionPlan, name: string): ExecutionPlan => ({
  ...plan,
  routes: [],
  bindings: plan.bindings.filter(({ interceptor }) => interceptor === name),
  interceptors: plan.interceptors.filter((interceptor) => interceptor.name === name),
  upstreams: [],
  authenticators: [],
});

/** How one kind of item is told of. */
interface Telling<T> {
  /** The item's kind and name, unique in a plan. */
  readonly title: (item: T) => string;
  readonly facts: (item: T) => Facts;
  /** What is worth knowing of a new one. */
  readonly summary: (item: T) => string;
}

function diffItems<T>(before: readonly T[], after: readonly T[], { title, facts, summary }: Telling<T>): readonly string[] {
  const successors = new Map(after.map((item) => [title(item), item]));
  const known = new Set(before.map(title));
  return [
    ...before.flatMap((item) => {
      const successor = successors.get(title(item));
      if (successor !== undefined && isSameData(item, successor)) return [];
      const changes = successor === undefined ? ["removed"] : diffFacts(facts(item), facts(successor));
      return changes.map((change) => `${title(item)}: ${change}`);
    }),
    ...after.filter((item) => !known.has(title(item))).map((item) => `${title(item)}: added: ${summary(item)}`),
  ];
}

/** Most items of a plan are what they were: to see that costs a tenth of what it costs to put them into words. */
function isSameData(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  const [names, others] = [Object.keys(one), Object.keys(other)];
  return (
    names.length === others.length &&
    names.every((name) => Object.hasOwn(other, name) && isSameData(Reflect.get(one, name), Reflect.get(other, name)))
  );
}

const shortened = (line: string): string => (line.length <= MAX_LINE_CHARS ? line : `${line.slice(0, MAX_LINE_CHARS - 1)}…`);

const ROUTES: Telling<RoutePlan> = {
  title: ({ name }) => `route ${name}`,
  facts: (route) => factsOf(ROUTE_FACTS, route),
  summary: ({ match: { hosts, path, methods }, upstream, authenticate }) =>
    `${[methods.join(","), hosts.join(","), path].filter((part) => part !== "").join(" ")} to ${upstream}, authenticate ${authenticate.join(", ")}`,
};

const BINDINGS: Telling<BindingPlan> = {
  title: ({ interceptor, id, phase }) => `binding ${interceptor}/${id} (${phase})`,
  facts: (binding) => factsOf(BINDING_FACTS, binding),
  summary: ({ mode, enforcement, failurePolicy, limits, selector, needs, writes, described }) =>
    [
      `${enforcement === "shadow" ? "shadow " : ""}${mode}, ${failurePolicy}, timeout ${formatDuration(limits.timeoutMs)}`,
      described ? "" : "not described",
      listed("routes", selector.routes),
      listed("needs", needs),
      listed("writes", writes),
    ]
      .filter((part) => part !== "")
      .join("; "),
};

const listed = (name: string, list: readonly string[]): string => (list.length === 0 ? "" : `${name} ${list.join(", ")}`);

const INTERCEPTORS: Telling<InterceptorPlan> = {
  title: ({ name }) => `interceptor ${name}`,
  facts: (interceptor) => factsOf(INTERCEPTOR_FACTS, interceptor),
  summary: ({ endpoints, described, version, grant }) =>
    `${endpoints.join(", ")}, grant ${grant}, ${described ? `version ${version}` : "not described"}`,
};

const UPSTREAMS: Telling<UpstreamPlan> = {
  title: ({ name }) => `upstream ${name}`,
  facts: (upstream) => factsOf(UPSTREAM_FACTS, upstream),
  summary: ({ endpoints }) => endpoints.map(endpointText).join(", "),
};

const AUTHENTICATORS: Telling<ExecutionPlan["authenticators"][number]> = {
  title: ({ name }) => `authenticator ${name}`,
  facts: (authenticator) => factsOf(AUTHENTICATOR_FACTS, authenticator),
  summary: ({ type, slots }) => `${type}, ${slots.join(", ")}`,
};
