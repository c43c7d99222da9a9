import type { Verdict } from "@sallyport/contract/verdict.ts";
import type { Cancel } from "../../src/model/cancel.ts";
import type { Manifest } from "../../src/model/manifest.ts";
import type { BindingPlan } from "../../src/model/plan.ts";
import { err, ok, type Result } from "../../src/model/result.ts";
import type { ReviewFailure } from "../../src/model/review-failure.ts";
import type {
  BindingConfig,
  ReviewCall,
  ReviewClient,
  ReviewClientStatus,
  Reviewer,
  ReviewSubject,
  RevokedTags,
} from "../../src/ports/review-client.ts";

/** One review a fake was asked for. */
export interface FakeReview {
  readonly binding: BindingPlan;
  readonly subject: ReviewSubject;
  readonly call: ReviewCall;
}

/** Decides one review. What it never resolves is a service that hangs; only `cancel` ends it. */
export type FakeAnswer = (review: FakeReview) => Verdict | ReviewFailure | Promise<Verdict | ReviewFailure>;

/** An interceptor in the test's own hands. */
export class FakeReviewClient implements ReviewClient {
  /** Every review asked for, in order. */
  readonly reviews: FakeReview[] = [];
  /** What each Describe was told. */
  readonly described: (readonly BindingConfig[])[] = [];
  manifest: Manifest | ReviewFailure;
  answer: FakeAnswer;
  closed = false;
  readonly #listeners = new Set<() => void>();
  readonly #revokeListeners = new Set<(tags: RevokedTags) => void>();

  constructor(parts: { readonly manifest?: Manifest | ReviewFailure; readonly answer?: FakeAnswer } = {}) {
    this.manifest = parts.manifest ?? {
      name: "fake",
      version: "1",
      bindings: [],
      expectedAudience: "",
      stateScope: "none",
      revokes: false,
    };
    this.answer = parts.answer ?? (() => ({ kind: "allow", patches: [], annotations: [], warnings: [] }));
  }

  describe(
    bindings: readonly BindingConfig[],
    { cancel }: { readonly deadlineMs: number; readonly cancel: Cancel },
  ): Promise<Result<Manifest, ReviewFailure>> {
    this.described.push(bindings);
    if (cancel.aborted) return Promise.resolve(CANCELLED);
    return Promise.resolve("bindings" in this.manifest ? ok(this.manifest) : err(this.manifest));
  }

  reviewer(binding: BindingPlan): Reviewer {
    return (subject, call) => {
      const review = { binding, subject, call };
      this.reviews.push(review);
      const cancelled = new Promise<Result<Verdict, ReviewFailure>>((resolve) => call.cancel.onAbort(() => resolve(CANCELLED)));
      const answered = Promise.resolve(this.answer(review)).then((answer) => (isFailure(answer) ? err(answer) : ok(answer)));
      return Promise.race([cancelled, answered]);
    };
  }

  onDescribeAgain(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  status(): ReviewClientStatus {
    return { connected: !this.closed, endpoints: [], pendingReviews: 0, cachedVerdicts: 0 };
  }

  revoke(tags: readonly string[]): number {
    for (const listener of this.#revokeListeners) listener(tags);
    return 0;
  }

  onRevoked(listener: (tags: RevokedTags) => void): () => void {
    this.#revokeListeners.add(listener);
    return () => this.#revokeListeners.delete(listener);
  }

  /** The service reconnected, or refused a config it does not know. */
  wantDescribe(): void {
    for (const listener of this.#listeners) listener();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true;
  }
}

const isFailure = (answer: Verdict | ReviewFailure): answer is ReviewFailure =>
  !["allow", "deny", "respond"].includes(answer.kind);

const CANCELLED = err<ReviewFailure>({ kind: "unavailable", message: "the review was cancelled" });
