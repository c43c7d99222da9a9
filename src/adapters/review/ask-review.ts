import { decodeVerdict, type Verdict } from "@sallyport/contract/verdict.ts";
import { METHODS } from "@sallyport/contract/wire.ts";
import type { BindingPlan } from "../../model/plan.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { ReviewFailure } from "../../model/review-failure.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ReviewCall, Reviewer, ReviewSubject } from "../../ports/review-client.ts";
import type { Admission, Admitted } from "../../support/admission.ts";
import type { EncodeReview } from "./encode-review.ts";
import { expectedVerdict } from "./expected-verdict.ts";
import { attemptOutcome, endingOf, FULL_TIME, type AttemptEnding } from "./attempt-outcome.ts";
import type { Place } from "./link.ts";
import type { LinkPool } from "./link-pool.ts";
import { isConnectionLost, isNotConnected, isUnseen, STATUS, statusToFailure, type CallStatus } from "./status-to-failure.ts";
import type { CallOutcome } from "./unary-call.ts";

type Answer = Result<Verdict, ReviewFailure>;

/** What the reviewers of one interceptor share. */
export interface AskDeps {
  readonly links: LinkPool;
  readonly admission: Admission;
  readonly clock: Clock;
  /** The service does not know a config it was asked to judge by. */
  readonly onConfigUnknown: () => void;
}

/** Less time than this is not worth a second attempt, milliseconds. */
const MIN_RESEND_MS = 10;

/** Prepares the reviews of one binding. Each is admitted, sent, perhaps sent once more, and decoded inside its grant of time (C6, C21). */
export function reviewerOf(binding: BindingPlan, encode: EncodeReview, deps: AskDeps): Reviewer {
  const decides = binding.mode !== "observe" && binding.enforcement === "enforce";
  const terms: AskTerms = { binding, encode, expected: expectedVerdict(binding), decides, deps };
  if (!binding.described)
    return () => Promise.resolve(failure("unavailable", "the interceptor was not described yet", "not_described"));
  for (const { channel } of deps.links.links) channel.receiveUpTo(receiveLimit(binding.limits.maxResponseBytes));
  return (subject, call) => {
    // at once: what nobody can answer now does not wait for a place
    const refusal = deps.links.refusal(decides);
    if (refusal !== undefined) return Promise.resolve(err(refusal));
    const endMs = deps.clock.nowMs() + call.grantMs;
    const entry = deps.admission.enter(call.grantMs, call.cancel);
    return entry instanceof Promise
      ? entry.then((admitted) => begin(terms, admitted, { subject, call, endMs }))
      : begin(terms, entry, { subject, call, endMs });
  };
}

/** The channel's limit for bindings whose verdicts have at most so many bytes. Above it, because theirs is checked here; and an odd number, because by it alone the library's cut is told from a limit of the peer. */
export const receiveLimit = (maxResponseBytes: number): number => maxResponseBytes + 17;

interface AskTerms {
  readonly binding: BindingPlan;
  readonly encode: EncodeReview;
  readonly expected: ReturnType<typeof expectedVerdict>;
  /** Its verdict decides: neither an observer nor a shadow. */
  readonly decides: boolean;
  readonly deps: AskDeps;
}

interface Ask {
  readonly subject: ReviewSubject;
  readonly call: ReviewCall;
  /** End of the grant on the monotonic clock. */
  readonly endMs: number;
}

function begin(terms: AskTerms, admitted: Admitted, ask: Ask): Promise<Answer> {
  const { inside, waiting } = terms.deps.admission;
  switch (admitted) {
    case "admitted":
      return new Promise((resolve) => new Review(terms, ask, resolve).send());
    case "full":
      return Promise.resolve(failure("overloaded", `${inside} reviews in flight and ${waiting} waiting`, "queue_full"));
    case "late":
      return Promise.resolve(
        failure(
          "overloaded",
          `${waiting} waiting: no verdict to be expected in ${Math.round(ask.call.grantMs)} ms`,
          "queue_too_long",
        ),
      );
    case "expired":
      return Promise.resolve(failure("overloaded", `no room within ${Math.round(ask.call.grantMs)} ms`, "queue_expired"));
    case "cancelled":
      return Promise.resolve(CANCELLED);
    default:
      return admitted satisfies never;
  }
}

/** One review that was admitted, until it has an answer. */
class Review {
  readonly #terms: AskTerms;
  readonly #ask: Ask;
  readonly #resolve: (answer: Answer) => void;
  readonly #stopTimer: () => void;
  #forget = (): void => {};
  #attempt = 0;
  /** Of the last attempt. */
  #place: Place | undefined;
  #hasFullTime = false;
  #over = false;
  #giveUp = (): void => {};
  readonly #admittedMs: number;

  constructor(terms: AskTerms, ask: Ask, resolve: (answer: Answer) => void) {
    const { clock } = terms.deps;
    this.#terms = terms;
    this.#ask = ask;
    this.#resolve = resolve;
    this.#admittedMs = clock.nowMs();
    // the library has a deadline too; ours is the one that is trusted
    this.#stopTimer = clock.after(Math.max(ask.endMs - this.#admittedMs, 0), () => {
      this.#leave("timeout");
      this.#end(failure("timeout", `no verdict within ${Math.round(ask.call.grantMs)} ms`));
    });
    // at once, where it happened between the admission and now
    this.#forget = ask.call.cancel.onAbort(() => this.#end(CANCELLED));
  }

  /** One attempt; the answer comes by `resolve`. */
  send(): void {
    if (this.#over) return;
    const { encode, binding, decides, deps } = this.#terms;
    const { subject, call } = this.#ask;
    const place = deps.links.take({ decides, avoid: this.#place?.link });
    if (!place.ok) return this.#end(place);
    this.#place = place.value;
    this.#hasFullTime = this.#leftMs >= binding.limits.timeoutMs * FULL_TIME;
    this.#attempt += 1;
    try {
      const message = encode(subject, { reviewId: call.reviewId, attempt: this.#attempt });
      const trace = subject.exchange.ids;
      const request = { method: METHODS.review, message, trace };
      const started = place.value.call(request, this.#leftMs, (outcome) => this.#take(outcome));
      if (started.ok) this.#giveUp = started.value;
      else this.#fail(started.error);
    } catch (error) {
      // a bug of ours, or of the client library: one exchange's failure, not the process's
      this.#end(
        failure(
          "invalid",
          `the review could not be made: ${error instanceof Error ? error.message : "unknown error"}`,
          "contract",
        ),
      );
    }
  }

  get #leftMs(): number {
    return this.#ask.endMs - this.#terms.deps.clock.nowMs();
  }

  #take(outcome: CallOutcome): void {
    if (this.#over) return;
    switch (outcome.kind) {
      case "reply":
        this.#leave("answered");
        return this.#end(this.#read(outcome.bytes));
      case "malformed":
        return this.#end(failure("invalid", outcome.detail, "contract"));
      case "status":
        this.#leave(endingOf(outcome.status, this.#terms.deps.links.receiveLimitBytes));
        return this.#mayResend(outcome.status) ? this.send() : this.#fail(outcome.status);
      default:
        return outcome satisfies never;
    }
  }

  #read(bytes: Buffer): Answer {
    const { binding, expected } = this.#terms;
    const { maxResponseBytes } = binding.limits;
    if (bytes.byteLength > maxResponseBytes)
      return failure("invalid", `a verdict of ${bytes.byteLength} bytes, at most ${maxResponseBytes} allowed`, "too_large");
    const verdict = decodeVerdict(bytes, { ...expected, reviewId: this.#ask.call.reviewId });
    return verdict.ok ? ok(verdict.value) : failure("invalid", verdict.error.detail, verdict.error.reason);
  }

  #mayResend(status: CallStatus): boolean {
    if (this.#attempt > 1 || this.#leftMs < MIN_RESEND_MS || this.#place === undefined) return false;
    // where there was no connection, only another endpoint can have one
    if (isNotConnected(status)) return this.#terms.deps.links.servesBeside(this.#place.link);
    return isUnseen(status) || (this.#terms.binding.idempotent && isConnectionLost(status));
  }

  #fail(callStatus: CallStatus): void {
    const { links, onConfigUnknown } = this.#terms.deps;
    if (callStatus.code === STATUS.FAILED_PRECONDITION) onConfigUnknown();
    this.#end(err(statusToFailure(callStatus, links.receiveLimitBytes)));
  }

  /** Gives the place of the attempt back, telling its breaker what became of it. */
  #leave(ending: AttemptEnding): void {
    this.#place?.end(attemptOutcome(ending, this.#hasFullTime));
  }

  #end(answer: Answer): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopTimer();
    this.#forget();
    this.#giveUp();
    this.#leave("given-up");
    const { admission, clock } = this.#terms.deps;
    admission.leave(answer === CANCELLED ? undefined : clock.nowMs() - this.#admittedMs);
    this.#resolve(answer);
  }
}

const failure = (
  kind: ReviewFailure["kind"],
  message: string,
  reason?: ReviewFailure["reason"],
): { readonly ok: false; readonly error: ReviewFailure } => err({ kind, message, ...(reason === undefined ? {} : { reason }) });

/** What a review that is no longer wanted resolves to; nobody reads it. */
const CANCELLED = failure("unavailable", "the review was cancelled");
