import type { Result } from "../model/result.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import type { ReviewedVerdict, ReviewSubject } from "./review-client.ts";
import type { RunnableBinding } from "./runnable-plan.ts";

/** One review off the path: what an observer is owed (C29), or what a shadow would have been asked (C33). */
export interface Observation {
  readonly binding: RunnableBinding;
  /** Holds bodies only as views, so that a queue can count them. */
  readonly subject: ReviewSubject;
  readonly reviewId: string;
  /** What a verdict is worth, where that is counted (C33); a failure where it breaks its contract. */
  readonly judge?: (verdict: ReviewedVerdict, subject: ReviewSubject) => Result<ReviewedVerdict, ReviewFailure>;
  /** Called when it was delivered, failed or dropped: the plan its binding belongs to may then retire. Harmless when called again. */
  readonly release: () => void;
}

/** Takes observations off the request path. Bounded: it drops, counts, and never makes an exchange wait. */
export interface Observers {
  enqueue(observation: Observation): void;
}
