import type { Phase } from "@sallyport/contract/phase.ts";
import type { ProblemCode, Refusal } from "../model/problem.ts";
import type { ReviewFailure, ReviewFailureKind } from "../model/review-failure.ts";

/** What a client learns of each kind; the sentence says nothing of the interceptor (5xx are opaque). */
const ANSWERS = {
  unavailable: { problem: "interceptor_unavailable", detail: "A review this request requires is not available." },
  timeout: { problem: "interceptor_timeout", detail: "A review this request requires did not finish in time." },
  invalid: { problem: "interceptor_invalid_verdict", detail: "A review this request requires did not give a usable verdict." },
  overloaded: { problem: "interceptor_overloaded", detail: "A review this request requires has no capacity left." },
} as const satisfies Record<ReviewFailureKind, { problem: ProblemCode; detail: string }>;

/** Seconds after which a client may try again. */
const RETRY_AFTER_SECONDS = "1";

/**
 * The answer to a fail-closed review failure: the only place that decides it (C15, C17).
 * At post-response the upstream has already acted, so the answer must not invite a repeat.
 */
export function failureAnswer(failure: ReviewFailure, phase: Phase): Refusal {
  const { problem, detail } = ANSWERS[failure.kind];
  if (phase === "post-response") return { problem, detail, status: 502, retryable: false, cause: failure.message };
  const headers =
    failure.kind === "unavailable" || failure.kind === "overloaded" ? ([["retry-after", RETRY_AFTER_SECONDS]] as const) : [];
  return { problem, detail, headers, cause: failure.message };
}

/** Why what a binding needs cannot be shown to it (C18). */
export interface Unreviewable {
  readonly kind: "too-large" | "malformed" | "unsupported" | "stream" | "partial";
  /** Which limit or rule, for the log and, on the request side, for the client. */
  readonly message: string;
}

const REQUEST_PROBLEMS = {
  "too-large": "body_too_large",
  malformed: "body_malformed",
  unsupported: "body_unsupported",
  stream: "body_unsupported",
  partial: "body_unsupported",
} as const satisfies Record<Unreviewable["kind"], ProblemCode>;

/** The answer to what cannot be shown, whatever the failure policy (C18): the client's fault on the request side, 502 on the response side. */
export function unreviewableAnswer(unreviewable: Unreviewable, phase: Phase): Refusal {
  if (phase === "post-response") {
    return {
      problem: "response_unreviewable",
      detail: "The upstream's response cannot be reviewed.",
      cause: unreviewable.message,
    };
  }
  return {
    problem: REQUEST_PROBLEMS[unreviewable.kind],
    detail: `The request body cannot be reviewed: ${unreviewable.message}.`,
    cause: unreviewable.message,
  };
}
