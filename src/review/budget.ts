import type { BindingPlan } from "../model/plan.ts";

/** A grant shorter than this is no call at all (C20). Milliseconds. */
export const MIN_GRANT_MS = 10;

/** The part of a binding that time depends on. */
export type TimedBinding = Pick<BindingPlan, "phase" | "mode" | "failurePolicy"> & {
  readonly limits: { readonly timeoutMs: number };
};

/** One wait of an exchange: a mutator, or one phase's validators together (C20). */
export interface Position<B extends TimedBinding = TimedBinding> {
  readonly bindings: readonly B[];
  /** Largest timeout among its fail-closed bindings, else 0. */
  readonly needMs: number;
}

/** Positions of bindings given in execution order; observers wait nowhere and are left out. */
export function positionsOf<B extends TimedBinding>(bindings: readonly B[]): readonly Position<B>[] {
  const groups: B[][] = [];
  for (const binding of bindings) {
    if (binding.mode === "observe") continue;
    const last = groups.at(-1)?.[0];
    if (binding.mode === "validate" && last?.mode === "validate" && last.phase === binding.phase) groups.at(-1)?.push(binding);
    else groups.push([binding]);
  }
  return groups.map((group) => ({ bindings: group, needMs: needOf(group) }));
}

function needOf(bindings: readonly TimedBinding[]): number {
  let need = 0;
  for (const { failurePolicy, limits } of bindings)
    if (failurePolicy === "fail-closed" && limits.timeoutMs > need) need = limits.timeoutMs;
  return need;
}

/** How much of its need each position can be promised: 1 when the budget covers them all (C20). */
export function scaleOf(budgetMs: number, positions: readonly Position[]): number {
  const total = positions.reduce((sum, { needMs }) => sum + needMs, 0);
  return total === 0 ? 1 : Math.min(1, budgetMs / total);
}

/**
 * Time one review may take, milliseconds; below `MIN_GRANT_MS` there is no call.
 * `leftMs` is the budget minus what earlier positions waited; `reservedMs` the sum of reserves of later positions not ruled out.
 */
export const grantMs = (timeoutMs: number, leftMs: number, reservedMs: number): number =>
  Math.min(timeoutMs, leftMs - reservedMs);

/** Whether a grant that ran out was cut short by the budget, which is then the reason of the timeout (C20). */
export const isCutByBudget = (granted: number, timeoutMs: number): boolean => granted < timeoutMs;

/** Budgets that leave some position a reserve too small to make a call, with its size; a config error (C20). */
export function tooSmallReserves<B extends TimedBinding>(
  budgetMs: number,
  positions: readonly Position<B>[],
): readonly { readonly position: Position<B>; readonly reserveMs: number }[] {
  const scale = scaleOf(budgetMs, positions);
  return positions
    .map((position) => ({ position, reserveMs: scale * position.needMs }))
    .filter(({ reserveMs }) => reserveMs > 0 && reserveMs < MIN_GRANT_MS);
}
