import { PHASES, type Mode } from "@sallyport/contract/phase.ts";
import type { BindingPlan } from "../model/plan.ts";

const PHASE_RANK = Object.fromEntries(Object.keys(PHASES).map((phase, index) => [phase, index]));

/** Mutators settle the request, validators judge it settled, observers hear of it (1st, 2nd, 3rd). */
const MODE_RANK: Record<Mode, number> = { mutate: 0, validate: 1, observe: 2 };

/** Execution order: phase, mode, then interceptor order, binding order, interceptor name, binding id. Total; file order never matters. */
export function compareBindings(a: BindingPlan, b: BindingPlan): number {
  return (
    (PHASE_RANK[a.phase] ?? 0) - (PHASE_RANK[b.phase] ?? 0) ||
    MODE_RANK[a.mode] - MODE_RANK[b.mode] ||
    a.order[0] - b.order[0] ||
    a.order[1] - b.order[1] ||
    compareText(a.interceptor, b.interceptor) ||
    compareText(a.id, b.id)
  );
}

// not localeCompare: execution order must not depend on the host's locale
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
