import { compilePredicate } from "../expressions/compile-predicate.ts";
import type { ExecutionPlan } from "../model/plan.ts";
import type { PlacedBinding } from "./compile-bindings.ts";
import type { Issues } from "./issues.ts";

/** Conditions that do not compile: syntax, types, facts the phase does not have, fields that are hidden (C22). */
export function checkConditions(placed: readonly PlacedBinding[], hidden: ExecutionPlan["hidden"], issues: Issues): void {
  const names = { headers: new Set(hidden.headers), query: new Set(hidden.query) };
  for (const { binding, pointer } of placed) {
    const { when } = binding.selector;
    if (when === undefined) continue;
    const compiled = compilePredicate(when, { phase: binding.phase, hidden: names });
    if (compiled.ok) continue;
    const { line, column, message } = compiled.error;
    issues.add(`${pointer}/match/when`, `${message} (expression line ${line}, column ${column})`);
  }
}
