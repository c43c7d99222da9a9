import { compilePredicate } from "../expressions/compile-predicate.ts";
import type { BindingPlan } from "../model/plan.ts";
import type { RoutePlan } from "../model/route-plan.ts";
import type { HiddenNames } from "../review/hidden.ts";
import type { PlacedBinding } from "./compile-bindings.ts";
import { enforces } from "./enforces.ts";
import type { Issues } from "./issues.ts";

/** A binding that reads response bodies cannot sit on a route declared to stream them: no response could be shown to it (C18). With gRPC no request could either. */
export function checkBodies(
  routes: readonly RoutePlan[],
  placed: readonly PlacedBinding[],
  { hidden, issues }: { readonly hidden: HiddenNames; readonly issues: Issues },
): void {
  const streamed = routes.filter(({ streaming }) => streaming === "sse" || streaming === "grpc" || streaming === "websocket");
  if (streamed.length === 0) return;
  const enforcing = placed.filter(({ binding }) => enforces(binding));
  const readers = {
    response: new Set(enforcing.filter(({ binding }) => readsResponseBody(binding, hidden))),
    request: new Set(enforcing.filter(({ binding }) => readsBody("request", binding, hidden))),
  };
  for (const route of streamed) {
    for (const at of route.bindings) {
      const entry = placed[at];
      if (entry === undefined) continue;
      const side = readers.response.has(entry) ? "response" : "request";
      if (side === "request" && (route.streaming !== "grpc" || !readers.request.has(entry))) continue;
      const { interceptor, id } = entry.binding;
      issues.add(
        entry.pointer,
        `${interceptor}/${id} reads ${side} bodies, and route ${route.name} streams them (streaming: ${route.streaming})`,
        "leave the route out with except_routes",
      );
    }
  }
}

const readsResponseBody = (binding: BindingPlan, hidden: HiddenNames): boolean =>
  binding.phase === "post-response" && readsBody("response", binding, hidden);

function readsBody(side: "request" | "response", { phase, needs, writes, selector }: BindingPlan, hidden: HiddenNames): boolean {
  const isBody = (pointer: string): boolean =>
    pointer === `/${side}` || pointer === `/${side}/body` || pointer.startsWith(`/${side}/body/`);
  if ([...needs, ...writes].some(isBody)) return true;
  if (selector.when === undefined) return false;
  const condition = compilePredicate(selector.when, { phase, hidden });
  return condition.ok && condition.value.needsBody[side];
}
