import { compilePredicate } from "../expressions/compile-predicate.ts";
import type { BindingPlan, RoutePlan } from "../model/plan.ts";
import type { HiddenNames } from "../review/hidden.ts";
import type { PlacedBinding } from "./compile-bindings.ts";
import { enforces } from "./enforces.ts";
import type { Issues } from "./issues.ts";

/** A binding that reads response bodies cannot sit on a route declared to stream them: no response could be shown to it (C18). */
export function checkBodies(
  routes: readonly RoutePlan[],
  placed: readonly PlacedBinding[],
  { hidden, issues }: { readonly hidden: HiddenNames; readonly issues: Issues },
): void {
  const streamed = routes.filter(({ streaming }) => streaming === "sse" || streaming === "websocket");
  if (streamed.length === 0) return;
  const readers = new Set(placed.filter(({ binding }) => enforces(binding) && readsResponseBody(binding, hidden)));
  for (const route of streamed) {
    for (const at of route.bindings) {
      const entry = placed[at];
      if (entry === undefined || !readers.has(entry)) continue;
      const { interceptor, id } = entry.binding;
      issues.add(
        entry.pointer,
        `${interceptor}/${id} reads response bodies, and route ${route.name} streams them (streaming: ${route.streaming})`,
        "leave the route out with except_routes",
      );
    }
  }
}

function readsResponseBody({ phase, needs, writes, selector }: BindingPlan, hidden: HiddenNames): boolean {
  if (phase !== "post-response") return false;
  if ([...needs, ...writes].some((pointer) => /^\/response(?:$|\/body(?:$|\/))/.test(pointer))) return true;
  if (selector.when === undefined) return false;
  const condition = compilePredicate(selector.when, { phase, hidden });
  return condition.ok && condition.value.needsBody.response;
}
