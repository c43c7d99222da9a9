import { DescribeRequest, ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { modeFromWire, phaseFromWire } from "@sallyport/contract/phase.ts";
import { err, ok, type Result } from "@sallyport/contract/result.ts";
import { decodeStrict } from "@sallyport/contract/wire.ts";
import type { CallTime } from "./call-time.ts";
import { NO_REVIEWS, type ReviewCounters } from "./counters.ts";
import { type DescribedBinding, DescribedConfigs } from "./described-configs.ts";
import { encodedAnswer } from "./encoded-answer.ts";
import type { CompiledBinding, Interceptor } from "./interceptor.ts";
import type { Log } from "./log.ts";
import { encodeManifest } from "./manifest.ts";
import { type ReviewedView, reviewedView } from "./reviewed-view.ts";
import { type CleanVerdict, verdictOf } from "./verdict-of.ts";

/** Why a call has no answer. `reason` becomes a gRPC status; `cause` is for the log and the testing module only. */
export interface Refusal {
  readonly reason:
    "undecodable" | "unknown-binding" | "unknown-config" | "config-refused" | "overloaded" | "failed" | "abandoned";
  readonly message: string;
  readonly cause?: unknown;
}

/** What reviews are answered with. */
export interface ReviewServiceDeps {
  readonly log: Log;
  readonly maxConcurrentReviews: number;
  /** For whom tokens of the gateway are expected to be; absent where none are checked. */
  readonly expectedAudience?: string;
}

/**
 * Describe and Review as functions of bytes: `serve` puts them on a socket, the testing module calls them directly, so
 * what passes in a test passes over the wire.
 */
export class ReviewService {
  #interceptor: Interceptor;
  readonly #log: Log;
  readonly #maxConcurrentReviews: number;
  readonly #expectedAudience: string;
  #configs = new DescribedConfigs();
  readonly #counters = { ...NO_REVIEWS };

  constructor(interceptor: Interceptor, deps: ReviewServiceDeps) {
    this.#interceptor = interceptor;
    this.#log = deps.log;
    this.#maxConcurrentReviews = deps.maxConcurrentReviews;
    this.#expectedAudience = deps.expectedAudience ?? "";
  }

  /** As they are now. */
  get counters(): ReviewCounters {
    return { ...this.#counters };
  }

  /**
   * Serves another definition from now on. Reviews in flight finish on the one they began with. Configs the new one accepts stay
   * described; of the others it is as if they never were.
   */
  update(interceptor: Interceptor): void {
    this.#configs = this.#configs.for(interceptor);
    this.#interceptor = interceptor;
  }

  /** Answers Describe with the manifest, and keeps the configs it brought. */
  describe(bytes: Uint8Array): Result<Uint8Array, Refusal> {
    this.#counters.describes += 1;
    const request = decodeStrict(DescribeRequest, bytes);
    if (!request.ok) return err({ reason: "undecodable", message: `not a DescribeRequest: ${request.error}` });
    const remembered = this.#configs.remember(request.value, this.#interceptor);
    if (remembered.ok) return ok(encodeManifest(this.#interceptor, this.#expectedAudience));
    const message = remembered.error.slice(0, 512);
    this.#log({ level: "error", message: "config refused", reason: message });
    return err({ reason: "config-refused", message });
  }

  /**
   * Answers one review: at once where `review` does, else with a promise that never rejects. Whatever goes wrong is a refusal, never an
   * allow.
   */
  review(bytes: Uint8Array, time: CallTime): Result<Uint8Array, Refusal> | Promise<Result<Uint8Array, Refusal>> {
    this.#counters.reviews += 1;
    const accepted = this.#accept(bytes);
    if (!accepted.ok) {
      this.#counters.refused += 1;
      this.#log({ level: "warn", message: "review refused", reason: accepted.error.message });
      return accepted;
    }
    return this.#answer(accepted.value, time);
  }

  #accept(bytes: Uint8Array): Result<AcceptedReview, Refusal> {
    if (this.#counters.inFlight >= this.#maxConcurrentReviews) {
      return err({ reason: "overloaded", message: `more than ${this.#maxConcurrentReviews} reviews at once` });
    }
    const decoded = decodeStrict(ReviewRequest, bytes);
    if (!decoded.ok) return err({ reason: "undecodable", message: `not a ReviewRequest: ${decoded.error}` });
    const request = decoded.value;
    const reader = this.#interceptor.bindings.get(request.bindingId);
    if (reader === undefined || phaseFromWire(request.phase) !== reader.binding.phase) {
      return err({ reason: "unknown-binding", message: "no such binding at this phase" });
    }
    const described = this.#configs.find(reader, request.configDigest);
    if (!described.ok) return err({ reason: "unknown-config", message: described.error });
    return ok({ request, reader, described: described.value });
  }

  #answer(accepted: AcceptedReview, time: CallTime): Result<Uint8Array, Refusal> | Promise<Result<Uint8Array, Refusal>> {
    const { reader } = accepted;
    if (time.isOver) return err(this.#failure(undefined, reader, time));
    this.#counters.inFlight += 1;
    try {
      const view = reviewedView(accepted.request.view ?? EMPTY_VIEW, reader);
      const answer = run(accepted, view, time);
      if (isThenable(answer)) return this.#later({ ...accepted, view }, answer, time);
      const encoded = this.#encoded({ ...accepted, view }, answer);
      this.#counters.inFlight -= 1;
      return encoded;
    } catch (thrown) {
      this.#counters.inFlight -= 1;
      return err(this.#failure(thrown, reader, time));
    }
  }

  async #later(review: BegunReview, answer: PromiseLike<unknown>, time: CallTime): Promise<Result<Uint8Array, Refusal>> {
    try {
      return this.#encoded(review, await beforeEnd(answer, time));
    } catch (thrown) {
      return err(this.#failure(thrown, review.reader, time));
    } finally {
      this.#counters.inFlight -= 1;
    }
  }

  #encoded({ request, reader, described, view }: BegunReview, answer: unknown): Result<Uint8Array, Refusal> {
    const granted = modeFromWire(request.mode) ?? reader.binding.mode;
    const clean = verdictOf(answer, { reader, view, granted, maxPatches: described.maxPatches });
    const encoded = encodedAnswer(clean.verdict, request.reviewId, described.maxResponseBytes);
    this.#countVerdict(clean, reader);
    return ok(encoded);
  }

  #failure(thrown: unknown, reader: CompiledBinding, time: CallTime): Refusal {
    if (time.isOver) {
      this.#counters.abandoned += 1;
      return { reason: "abandoned", message: "the review was cancelled or ran out of time", cause: thrown };
    }
    this.#counters.failed += 1;
    this.#log({ level: "error", message: "review failed", binding: reader.id, error: thrown });
    // fixed text: what was thrown may hold what the client sent
    return { reason: "failed", message: "the review failed; see the interceptor's log", cause: thrown };
  }

  #countVerdict({ verdict, defects }: CleanVerdict, reader: CompiledBinding): void {
    this.#counters[COUNTED[verdict.kind]] += 1;
    if (defects.length === 0) return;
    this.#counters.defects += 1;
    this.#log({ level: "warn", message: "denial cleaned up", binding: reader.id, defects });
  }
}

interface AcceptedReview {
  readonly request: ReviewRequest;
  readonly reader: CompiledBinding;
  readonly described: DescribedBinding;
}

interface BegunReview extends AcceptedReview {
  readonly view: ReviewedView;
}

const COUNTED = { allow: "allowed", deny: "denied", respond: "responded" } as const;

const EMPTY_VIEW = {
  request: undefined,
  principal: undefined,
  tenant: undefined,
  route: undefined,
  client: undefined,
  labels: [],
  response: undefined,
  outcome: undefined,
};

function run({ request, reader, described }: AcceptedReview, view: ReviewedView, time: CallTime): unknown {
  return reader.binding.review(view.shown, {
    // made when it is read: most reviews answer without it
    get signal() {
      return time.signal;
    },
    remainingMs: () => time.remainingMs(),
    config: described.config,
    reviewId: request.reviewId,
    attempt: request.attempt,
    gatewayVersion: described.gatewayVersion,
  });
}

const isThenable = (answer: unknown): answer is PromiseLike<unknown> =>
  typeof answer === "object" && answer !== null && "then" in answer && typeof answer.then === "function";

/** Settles with the answer, or rejects when the call is over: a `review` that ignores its signal holds nothing up. */
function beforeEnd(answer: PromiseLike<unknown>, time: CallTime): Promise<unknown> {
  return new Promise((resolve, reject) => {
    time.onOver(() => reject(new Error("the call is over")));
    answer.then(resolve, reject);
  });
}
