import type { BindingPlan } from "../model/plan.ts";
import type { RoutePlan } from "../model/route-plan.ts";
import type { PlacedBinding } from "./compile-bindings.ts";
import { enforces } from "./enforces.ts";
import type { Issues } from "./issues.ts";

/**
 * An owned header says what its interceptor vouches for (C11), and a route is chosen before any interceptor was asked: matched on
 * such a header, the choice would be the client's. Labels are what interceptors pass to routing; no client can send one.
 */
export function checkRouteInputs(routes: readonly RoutePlan[], placed: readonly PlacedBinding[], issues: Issues): void {
  const owners = new Map<string, BindingPlan>();
  for (const { binding } of placed.toReversed())
    if (enforces(binding)) for (const header of binding.ownsHeaders) owners.set(header, binding);
  for (const [index, { name, match }] of routes.entries()) {
    for (const header of Object.keys(match.headers)) {
      const owner = owners.get(header);
      if (owner === undefined) continue;
      issues.add(
        `/routes/${index}/match/headers/${header}`,
        `route ${name} is matched on a header that ${owner.interceptor}/${owner.id} owns: clients could choose the route by sending it`,
        "match a label that the interceptor writes instead",
      );
    }
  }
}
