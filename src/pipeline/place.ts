import type { Exchange, RequestHead } from "../model/exchange.ts";
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
    bindings: announced === head ? bindings : inPlanOrder(plan, [...bindings, ...route.bindingsFor(head)]),
    shadows: announced === head ? shadows : inPlanOrder(plan, [...shadows, ...route.shadowsFor(head)]),
  };
}

/** Headers that make an OPTIONS a CORS preflight, which is matched by the method it asks for (C27). */
export const PREFLIGHT_HEADERS: ReadonlySet<string> = new Set(["origin", "access-control-request-method"]);

function announcedHead(head: RequestHead): RequestHead {
  if (head.method !== "OPTIONS" || !head.headers.has("origin")) return head;
  const [method, second] = head.headers.lines("access-control-request-method");
  return method === undefined || second !== undefined ? head : { ...head, method };
}

/** Bindings of a plan without repetition, in execution order over all phases. Only for the rare exchange whose bindings come from two places. */
export function inPlanOrder({ plan }: RunnablePlan, bindings: readonly RunnableBinding[]): readonly RunnableBinding[] {
  const rank = new Map(plan.bindings.map((binding, index) => [binding, index]));
  return [...new Set(bindings)].toSorted((a, b) => (rank.get(a.plan) ?? 0) - (rank.get(b.plan) ?? 0));
}
