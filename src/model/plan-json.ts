import type { ExecutionPlan } from "./plan.ts";

/**
 * A plan as people are shown it: indented JSON, one line feed at the end. An interceptor's `config:` is left out, its digest
 * stays: the operator may have put secrets there by `${NAME}`.
 */
export const toPlanJson = (plan: ExecutionPlan): string =>
  `${JSON.stringify(plan, (member, value: unknown) => (member === "configJson" ? undefined : value), 2)}\n`;
