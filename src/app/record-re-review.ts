import { causeOf, toReviewFields } from "../model/log-fields.ts";
import type { ReReview } from "../pipeline/re-review.ts";
import type { Log } from "../ports/log.ts";
import type { LongLivedStream } from "../ports/long-lived.ts";

/**
 * Writes a `re_review` line of each time an open stream was asked about (C36), as `log.reviews` says: `failures` are those that did not
 * renew it. What the gateway itself is to blame for is always said.
 */
export function reReviewRecorder(deps: {
  readonly log: Log;
  readonly reviews: () => "none" | "failures" | "all";
}): (stream: LongLivedStream, asked: ReReview, count: number) => void {
  return ({ exchange: { ids }, route }, asked, count) => {
    const closing = "closing" in asked ? asked.closing : undefined;
    const reviews = deps.reviews();
    const isOurs = closing?.source === "gateway";
    if (!isOurs && (reviews === "none" || (reviews === "failures" && closing === undefined))) return;
    deps.log.write(levelOf(asked.kind, isOurs), "re_review", {
      request_id: ids.requestId,
      trace_id: ids.traceId,
      route,
      count,
      outcome: asked.kind,
      decided_by: closing?.by,
      code: closing?.code,
      cause: causeOf(closing),
      reviews: asked.reviews.map(toReviewFields),
    });
  };
}

function levelOf(kind: ReReview["kind"], isOurs: boolean): "info" | "warn" | "error" {
  if (isOurs) return "error";
  return kind === "failed" ? "warn" : "info";
}
