/** Why an answer that arrived, or our own reading of it, was not a usable verdict. */
export type InvalidReason = "undecodable" | "too_large" | "too_many_patches" | "patch_rejected" | "contract";

/** No usable verdict (C15). "It said no" is not here: that is a verdict. */
export interface ReviewFailure {
  readonly kind: ReviewFailureKind;
  /** Finer cause, for log, metrics and explain; bounded set. */
  readonly reason?:
    | InvalidReason
    | "budget_exhausted"
    | "queue_full"
    | "queue_too_long"
    | "queue_expired"
    | "not_described"
    | "breaker_open"
    | "not_serving";
  /** For the log: what happened, naming the thing and the number. Never sent to a client. */
  readonly message: string;
}

/** The four kinds, everywhere. */
export const REVIEW_FAILURE_KINDS = ["unavailable", "timeout", "invalid", "overloaded"] as const;

export type ReviewFailureKind = (typeof REVIEW_FAILURE_KINDS)[number];
