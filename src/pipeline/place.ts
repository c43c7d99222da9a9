import type { Exchange, RequestHead } from "../model/exchange.ts";
import { preflightMethod } from "../model/preflight.ts";
import type { RouteMatch, RunnableBinding, RunnablePlan, RunnableRoute } from "../ports/runnable-plan.ts";

/** Where a request leads as it stands: a route with the bindings whose static selectors match, or why there is none (C1). */
export type Place =
  | {
      readonly kind: "matched";
      readonly route: RunnableRoute;
      readonly bindings: readonly RunnableBinding[];
      /** What matches too and decides nothing (C33); no part of what makes two places one. */
      readonly shadows: readonly RunnableBinding[];
    }
  | Exclude<RouteMatch, { readonly kind: "matched" }>;

/** Matches a request, without entering anything. */
export function placeOf(plan: RunnablePlan, { listener, head, labels }: Exchange): Place {
  const announced = announcedHead(head);
  const match = plan.match(listener, announced, labels);
  if (match.kind !== "matched") return match;
  const { route } = match;
  const bindings = route.bindingsFor(announced);
  const shadows = route.shadowsFor(announced);
  // a preflight is still an OPTIONS: who reviews either method reviews it
  return {
    kind: "matched",
    route,
    bindings: announced === head ? bindings : inPlanOrder([...bindings, ...route.bindingsFor(head)]),
    shadows: announced === head ? shadows : inPlanOrder([...shadows, ...route.shadowsFor(head)]),
  };
}

/** A preflight is matched by the method it asks for (C27). */
function announcedHead(head: RequestHead): RequestHead {
  const method = preflightMethod(head);
  return method === undefined ? head : { ...head, method };
}

/** Bindings without repetition, in execution order over all phases. Only for the rare exchange whose bindings come from two places. */
export const inPlanOrder = (bindings: readonly RunnableBinding[]): readonly RunnableBinding[] =>
  [...new Set(bindings)].toSorted((a, b) => a.rank - b.rank);
