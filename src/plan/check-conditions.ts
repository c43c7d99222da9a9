import { compilePredicate } from "../expressions/compile-predicate.ts";
import type { HiddenNames } from "../review/hidden.ts";
import type { PlacedBinding } from "./compile-bindings.ts";
import type { Issues } from "./issues.ts";

/** Conditions that do not compile: syntax, types, facts the phase does not have, fields that are hidden (C22). */
export function checkConditions(placed: readonly PlacedBinding[], hidden: HiddenNames, issues: Issues): void {
  for (const { binding, pointer } of placed) {
    const { when } = binding.selector;
    if (when === undefined) continue;
    const compiled = compilePredicate(when, { phase: binding.phase, hidden });
    if (compiled.ok) continue;
    const { line, column, message } = compiled.error;
    issues.add(`${pointer}/match/when`, `${message} (expression line ${line}, column ${column})`);
  }
}
