import { enforces } from "../plan/enforces.ts";
import { rememberedLists } from "../plan/remembered-lists.ts";
import { selectorIndex } from "../plan/selector-index.ts";
import { headTest } from "../plan/selector-match.ts";
import type { RunnableBinding, RunnableRoute } from "../ports/runnable-plan.ts";

/** What a route knows of its bindings. */
export type RouteBindings = Pick<RunnableRoute, "ownedHeaders" | "bindingsFor" | "shadowsFor">;

/**
 * The bindings of routes, compiled once for all routes that have the same ones; the compiler gives those one list. Lives as long as a
 * plan is assembled.
 */
export function routeBindings(bindings: readonly RunnableBinding[]): (indices: readonly number[]) => RouteBindings {
  const compiled = new Map<readonly number[], RouteBindings>();
  return (indices) => {
    const known = compiled.get(indices);
    if (known !== undefined) return known;
    const made = bindingsOf(indices.flatMap((index) => bindings[index] ?? []));
    compiled.set(indices, made);
    return made;
  };
}

function bindingsOf(own: readonly RunnableBinding[]): RouteBindings {
  const enforcing = own.filter(({ plan }) => enforces(plan));
  return {
    ownedHeaders: new Set(enforcing.filter(({ plan }) => plan.mode !== "observe").flatMap(({ plan }) => plan.ownsHeaders)),
    bindingsFor: bindingChoice(enforcing),
    shadowsFor: bindingChoice(own.filter(({ plan }) => !enforces(plan))),
  };
}

/** Bindings whose static selectors match a head; a constant where there is nothing to test. */
function bindingChoice(own: readonly RunnableBinding[]): RunnableRoute["bindingsFor"] {
  if (own.every(({ plan }) => headTest(plan.selector) === undefined)) return () => own;
  const index = selectorIndex(own.map(({ plan }) => plan.selector));
  const listOf = rememberedLists(own);
  return (head) => listOf(index(head));
}
