import type { ReviewSubject } from "./review-client.ts";
import type { RunnableBinding } from "./runnable-plan.ts";

/** One review an observer is owed (C29). */
export interface Observation {
  readonly binding: RunnableBinding;
  /** Holds bodies only as views, so that a queue can count them. */
  readonly subject: ReviewSubject;
  readonly reviewId: string;
  /** Called when it was delivered, failed or dropped: the plan its binding belongs to may then retire. Harmless when called again. */
  readonly release: () => void;
}

/** Takes observations off the request path. Bounded: it drops, counts, and never makes an exchange wait. */
export interface Observers {
  enqueue(observation: Observation): void;
}
