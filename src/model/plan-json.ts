import { snakeKeys } from "./snake-keys.ts";
import type { ExecutionPlan } from "./plan.ts";

/** Keyed by names of labels, headers and query parameters; the lists of the same names hold nothing to rename. */
const VERBATIM: ReadonlySet<string> = new Set(["labels", "headers", "query"]);

/**
 * A plan as people are shown it, as plain data with names in snake_case. An interceptor's `config:` is left out, its digest stays:
 * the operator may have put secrets there by `${NAME}`.
 */
export function toPlainPlan(plan: ExecutionPlan): Readonly<Record<string, unknown>> {
  const bindings = plan.bindings.map(({ configJson: _secret, ...binding }) => binding);
  return { ...asRecord(snakeKeys({ ...plan, bindings }, VERBATIM)) };
}

/** The same as text: indented JSON, one line feed at the end. */
export const toPlanJson = (plan: ExecutionPlan): string => `${JSON.stringify(toPlainPlan(plan), undefined, 2)}\n`;

const asRecord = (value: unknown): object => (typeof value === "object" && value !== null ? value : {});
