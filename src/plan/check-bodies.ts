import type { RoutePlan } from "../model/plan.ts";
import type { PlacedBinding } from "./compile-bindings.ts";
import type { Issues } from "./issues.ts";

/** A binding that reads response bodies cannot sit on a route declared to stream them (1c-config, `streaming`). */
export function checkBodies(routes: readonly RoutePlan[], placed: readonly PlacedBinding[], issues: Issues): void {
  for (const route of routes.filter(({ streaming }) => streaming === "sse")) {
    for (const at of route.bindings) {
      const entry = placed[at];
      if (entry === undefined || entry.binding.phase !== "post-response" || entry.binding.body === undefined) continue;
      issues.add(entry.pointer, `${entry.binding.interceptor}/${entry.binding.id} reads response bodies, and route ${route.name} streams them (streaming: sse)`, "leave the route out with except_routes");
    }
  }
}
