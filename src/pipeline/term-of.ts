import type { Term } from "../ports/long-lived.ts";
import type { ReviewedVerdict } from "../ports/review-client.ts";
import type { RunnableBinding } from "../ports/runnable-plan.ts";

/** What an accepted verdict says about its own end (C36); undefined where it says nothing. */
export function termOf({ plan }: RunnableBinding, verdict: ReviewedVerdict, nowMs: number): Term | undefined {
  if (verdict.kind !== "allow") return undefined;
  const tags = verdict.cache?.tags ?? [];
  const { validForMs } = verdict;
  if (tags.length === 0 && validForMs === undefined) return undefined;
  return { interceptor: plan.interceptor, tags, validForMs, sinceMs: nowMs };
}
