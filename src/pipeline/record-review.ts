import type { ReviewEnding, ReviewRecord } from "../model/exchange-record.ts";
import type { ReviewedVerdict } from "../ports/review-client.ts";
import type { RunnableBinding } from "../ports/runnable-plan.ts";
import type { ExchangeRun } from "./exchange-run.ts";

/** Books one review: the record for the log, and the counters. */
export function recordReview(
  run: ExchangeRun,
  binding: RunnableBinding,
  { durationMs, ending }: Pick<ReviewRecord, "durationMs" | "ending">,
): void {
  const { instruments, name, plan } = binding;
  run.reviews.push({ binding: name, phase: plan.phase, mode: plan.mode, durationMs, ending });
  // what was not asked has neither a verdict nor a duration
  if (ending.kind !== "unreviewable") instruments.duration.observe(durationMs / 1000);
  switch (ending.kind) {
    case "verdict":
      instruments.outcome(ending.verdict).add();
      if (ending.defects.length > 0) instruments.verdictDefects.add(ending.defects.length);
      return;
    case "failure":
      instruments.outcome(ending.failure.kind).add();
      return;
    case "cancelled":
      instruments.outcome("cancelled").add();
      return;
    case "unreviewable":
      if (ending.skipped) instruments.skippedUnreviewable.add();
      return;
    default:
      ending satisfies never;
  }
}

/** The record of a verdict that was accepted. */
export const verdictEnding = (verdict: ReviewedVerdict): ReviewEnding => ({
  kind: "verdict",
  verdict: verdict.kind,
  ...(verdict.cached === undefined ? {} : { cached: true }),
  patches: verdict.kind === "allow" ? verdict.patches.length : 0,
  annotations: verdict.annotations,
  warnings: verdict.warnings,
  defects: verdict.kind === "deny" ? verdict.defects : [],
});
