import type { RunnableBinding } from "./runnable-plan.ts";
import type { ReviewSubject } from "./review-client.ts";

/** One review an observer is owed (C29). */
export interface Observation {
  readonly binding: RunnableBinding;
  readonly subject: ReviewSubject;
  readonly reviewId: string;
}

/** Takes observations off the request path. Bounded: it drops, counts, and never makes an exchange wait. */
export interface Observers {
  enqueue(observation: Observation): void;
}
