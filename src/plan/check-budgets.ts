import type { BindingPlan } from "../model/plan.ts";
import type { RoutePlan } from "../model/route-plan.ts";
import { positionsOf, scaleOf, tooSmallReserves, MIN_GRANT_MS } from "../review/budget.ts";
import type { PlacedBinding } from "./compile-bindings.ts";
import { enforces } from "./enforces.ts";
import type { Issues } from "./issues.ts";

/** Review budgets that cannot hold what a route's fail-closed bindings may need (C20): a warning while everybody gets a share, an error when a share is too small to make a call. */
export function checkBudgets(routes: readonly RoutePlan[], placed: readonly PlacedBinding[], issues: Issues): void {
  // routes with the same bindings have one list of them
  const known = new Map<RoutePlan["bindings"], ReturnType<typeof positionsOf<BindingPlan>>>();
  for (const [index, route] of routes.entries()) {
    const positions =
      known.get(route.bindings) ?? positionsOf(route.bindings.flatMap((at) => placed[at]?.binding ?? []).filter(enforces));
    known.set(route.bindings, positions);
    const scale = scaleOf(route.reviewBudgetMs, positions);
    if (scale >= 1) continue;
    const needMs = positions.reduce((sum, position) => sum + position.needMs, 0);
    const pointer = `/routes/${index}`;
    issues.warn(
      pointer,
      `route ${route.name}: its fail-closed bindings may need ${needMs} ms, review_budget is ${route.reviewBudgetMs} ms; each is promised ${Math.round(scale * 100)} % of its timeout`,
    );
    for (const { position, reserveMs } of tooSmallReserves(route.reviewBudgetMs, positions)) {
      const names = position.bindings.map((binding) => `${binding.interceptor}/${binding.id}`).join(", ");
      issues.add(
        pointer,
        `review_budget ${route.reviewBudgetMs} ms leaves ${names} only ${reserveMs.toFixed(1)} ms, less than the ${MIN_GRANT_MS} ms a review needs`,
        "raise review_budget, lower timeouts, or bind fewer interceptors",
      );
    }
  }
}
