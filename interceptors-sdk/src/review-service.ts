import { DescribeRequest, ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { modeFromWire, phaseFromWire } from "@sallyport/contract/phase.ts";
import { err, ok, type Result } from "@sallyport/contract/result.ts";
import { decodeStrict } from "@sallyport/contract/wire.ts";
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

/** One call's grant of time. */
export interface CallTime {
  readonly signal: AbortSignal;
  remainingMs(): number;
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
  #counters: ReviewCounters = NO_REVIEWS;

  constructor(interceptor: Interceptor, deps: ReviewServiceDeps) {
    this.#interceptor = interceptor;
    this.#log = deps.log;
    this.#maxConcurrentReviews = deps.maxConcurrentReviews;
    this.#expectedAudience = deps.expectedAudience ?? "";
  }

  get counters(): ReviewCounters {
    return this.#counters;
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
    this.#count("describes");
    const request = decodeStrict(DescribeRequest, bytes);
    if (!request.ok) return err({ reason: "undecodable", message: `not a DescribeRequest: ${request.error}` });
    const remembered = this.#configs.remember(request.value, this.#interceptor);
    if (remembered.ok) return ok(encodeManifest(this.#interceptor, this.#expectedAudience));
    const message = remembered.error.slice(0, 512);
    this.#log({ level: "error", message: "config refused", reason: message });
    return err({ reason: "config-refused", message });
  }

  /** Answers one review. Never rejects. Whatever goes wrong is a refusal, never an allow. */
  async review(bytes: Uint8Array, time: CallTime): Promise<Result<Uint8Array, Refusal>> {
    this.#count("reviews");
    const accepted = this.#accept(bytes);
    if (!accepted.ok) {
      this.#count("refused");
      this.#log({ level: "warn", message: "review refused", reason: accepted.error.message });
      return accepted;
    }
    this.#count("inFlight");
    try {
      return await this.#answer(accepted.value, time);
    } finally {
      this.#count("inFlight", -1);
    }
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

  async #answer(accepted: AcceptedReview, time: CallTime): Promise<Result<Uint8Array, Refusal>> {
    const { request, reader, described } = accepted;
    try {
      const view = reviewedView(request.view ?? EMPTY_VIEW, reader);
      const answer = await beforeAbort(run(accepted, view, time), time.signal);
      const granted = modeFromWire(request.mode) ?? reader.binding.mode;
      const clean = verdictOf(answer, { reader, view, granted, maxPatches: described.maxPatches });
      const encoded = encodedAnswer(clean.verdict, request.reviewId, described.maxResponseBytes);
      this.#countVerdict(clean, reader);
      return ok(encoded);
    } catch (thrown) {
      return err(this.#failure(thrown, reader, time.signal));
    }
  }

  #failure(thrown: unknown, reader: CompiledBinding, signal: AbortSignal): Refusal {
    if (signal.aborted) {
      this.#count("abandoned");
      return { reason: "abandoned", message: "the review was cancelled or ran out of time", cause: thrown };
    }
    this.#count("failed");
    this.#log({ level: "error", message: "review failed", binding: reader.id, error: thrown });
    // fixed text: what was thrown may hold what the client sent
    return { reason: "failed", message: "the review failed; see the interceptor's log", cause: thrown };
  }

  #countVerdict({ verdict, defects }: CleanVerdict, reader: CompiledBinding): void {
    this.#count(({ allow: "allowed", deny: "denied", respond: "responded" } as const)[verdict.kind]);
    if (defects.length === 0) return;
    this.#count("defects");
    this.#log({ level: "warn", message: "denial cleaned up", binding: reader.id, defects });
  }

  #count(name: keyof ReviewCounters, by = 1): void {
    this.#counters = { ...this.#counters, [name]: this.#counters[name] + by };
  }
}

interface AcceptedReview {
  readonly request: ReviewRequest;
  readonly reader: CompiledBinding;
  readonly described: DescribedBinding;
}

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

async function run({ request, reader, described }: AcceptedReview, view: ReviewedView, time: CallTime): Promise<unknown> {
  return reader.binding.review(view.shown, {
    signal: time.signal,
    remainingMs: () => time.remainingMs(),
    config: described.config,
    reviewId: request.reviewId,
    attempt: request.attempt,
    gatewayVersion: described.gatewayVersion,
  });
}

/** Settles with the answer, or rejects when the call is over: a `review` that ignores its signal holds nothing up. */
function beforeAbort(answer: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const abandon = (): void => reject(new Error("the call is over"));
    if (signal.aborted) abandon();
    signal.addEventListener("abort", abandon, { once: true });
    void answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", abandon));
  });
}
