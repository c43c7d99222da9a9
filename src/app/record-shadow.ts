import { toReviewFields } from "../model/log-fields.ts";
import type { Result } from "../model/result.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import type { Log } from "../ports/log.ts";
import type { Observation } from "../ports/observers.ts";
import type { ReviewedVerdict } from "../ports/review-client.ts";
import { verdictEnding } from "../pipeline/record-review.ts";

/**
 * Counts what each shadow review came to (C33), and logs a `shadow_review` line of it as `log.reviews` says: `failures` are those that
 * would have refused the exchange, by a deny or by a failure.
 */
export function shadowRecorder(deps: {
  readonly log: Log;
  readonly reviews: () => "none" | "failures" | "all";
}): (review: Observation, answer: Result<ReviewedVerdict, ReviewFailure>, durationMs: number) => void {
  return ({ binding, subject }, answer, durationMs) => {
    const { plan, instruments, name } = binding;
    instruments.duration.observe(durationMs / 1000);
    instruments.outcome(answer.ok ? answer.value.kind : answer.error.kind).add();
    const ending = answer.ok
      ? verdictEnding(answer.value)
      : { kind: "failure" as const, failure: answer.error, policy: plan.failurePolicy };
    if (ending.kind === "verdict" && ending.defects.length > 0) instruments.verdictDefects.add(ending.defects.length);
    const reviews = deps.reviews();
    const isRefusal = !answer.ok || answer.value.kind === "deny";
    if (reviews === "none" || (reviews === "failures" && !isRefusal)) return;
    const { requestId, traceId } = subject.exchange.ids;
    deps.log.write(isRefusal ? "warn" : "info", "shadow_review", {
      request_id: requestId,
      trace_id: traceId,
      route: subject.route.name,
      ...toReviewFields({ binding: name, phase: plan.phase, mode: plan.mode, durationMs, ending }),
    });
  };
}
