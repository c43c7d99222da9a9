import { isStream, type Body } from "../../../model/byte-stream.ts";
import type { Cancel } from "../../../model/cancel.ts";
import type { RetryPlan } from "../../../model/upstream-plan.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { UpstreamRequest } from "../../../ports/upstream.ts";
import type { KeptBody } from "../../../support/kept-body.ts";
import { RetryBudget } from "../../../support/retry-budget.ts";
import { isRepeatable } from "../repeatable.ts";
import type { AttemptAnswer } from "../endpoint-client.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointSignals } from "./endpoint-signals.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";

/** What repeats are made with. */
interface RetryDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly signals: EndpointSignals;
  /** An endpoint that was not tried. */
  readonly pick: (request: UpstreamRequest, tried: readonly Endpoint[]) => Endpoint | undefined;
  readonly attempt: (
    endpoint: Endpoint,
    request: UpstreamRequest,
    cancel: Cancel,
    totalDueMs: number | undefined,
  ) => Promise<AttemptAnswer>;
  /** Requests under way. */
  readonly underWay: () => number;
}

/** A request on its way. */
interface Sending {
  readonly request: UpstreamRequest;
  /** Its body, where it flows. */
  readonly kept: KeptBody | undefined;
  readonly cancel: Cancel;
  /** When the first attempt began, monotonic; only looked at where there is a total timeout. */
  readonly startedMs: number;
}

/** Longest wait before the same endpoint is asked again, milliseconds. */
const LONGEST_BACKOFF_MS = 1_000;

/**
 * Sends a request once more where that is safe: nothing of it was sent, or it is idempotent, its body is at hand, and the
 * operator said so. Another endpoint is asked at once; the same one again after a pause, and never just because it cannot be
 * connected to. Repeats have a budget, and all attempts share one total timeout.
 */
export class Retries {
  readonly #terms: UpstreamSettings["retry"];
  readonly #totalMs: number | undefined;
  readonly #isSeveral: boolean;
  readonly #budget: RetryBudget;
  readonly #deps: RetryDeps;

  constructor({ retry, timeouts, endpoints }: Pick<UpstreamSettings, "retry" | "timeouts" | "endpoints">, deps: RetryDeps) {
    this.#terms = retry;
    this.#totalMs = timeouts.totalMs;
    this.#isSeveral = endpoints.length > 1;
    this.#budget = new RetryBudget(retry.budget);
    this.#deps = deps;
  }

  nowMs(): number {
    return this.#deps.clock.nowMs();
  }

  /** Whether its body must outlive an attempt: it flows, and another endpoint could be asked where one cannot be connected to. */
  mayComeTo(request: UpstreamRequest): request is UpstreamRequest & { readonly body: Exclude<Body, undefined | Uint8Array> } {
    return this.#isSeveral && this.#terms.attempts > 1 && isStream(request.body);
  }

  /** Whether an answer may be a reason to ask again at all. */
  concerns(answer: AttemptAnswer): boolean {
    if (this.#terms.attempts <= 1) return false;
    return !answer.ok || this.#terms.statuses.includes(answer.value.status);
  }

  /** Goes on after the first attempt; gives the answer that counts. */
  async goOn(sending: Sending, first: Endpoint, firstAnswer: AttemptAnswer): Promise<AttemptAnswer> {
    const tried = [first];
    let answer = firstAnswer;
    for (let repeat = 1; repeat < this.#terms.attempts; repeat += 1) {
      const next = this.#nextFor(answer, sending, tried);
      if (next === undefined) return answer;
      if (!this.#budget.take(this.#deps.underWay())) {
        this.#deps.signals.retries.refused.add();
        return answer;
      }
      try {
        const pauseMs = tried.includes(next) ? this.#pauseMs(repeat) : 0;
        if (!(await this.#mayGoOn(sending, pauseMs))) return answer;
        if (answer.ok && isStream(answer.value.body)) answer.value.body.discard();
        this.#deps.signals.retries.sent.add();
        tried.push(next);
        answer = await this.#deps.attempt(next, sending.request, sending.cancel, this.#dueMs(sending));
      } finally {
        this.#budget.give();
      }
    }
    return answer;
  }

  /** Where it may be sent once more; undefined: nowhere. */
  #nextFor(answer: AttemptAnswer, { request, kept, cancel }: Sending, tried: readonly Endpoint[]): Endpoint | undefined {
    if (cancel.aborted) return undefined;
    const reason = reasonOf(answer);
    if (reason === undefined || !(reason === "status" ? this.#isListed(answer) : this.#terms.on.includes(reason)))
      return undefined;
    if (reason === "connect") return kept?.begun === true ? undefined : this.#deps.pick(request, tried);
    if (!isRepeatable(request)) return undefined;
    return this.#deps.pick(request, tried) ?? this.#deps.pick(request, []);
  }

  #isListed(answer: AttemptAnswer): boolean {
    return answer.ok && this.#terms.statuses.includes(answer.value.status);
  }

  #dueMs({ startedMs, request: { deadlineMs } }: Sending): number | undefined {
    if (this.#totalMs === undefined) return deadlineMs;
    return Math.min(startedMs + this.#totalMs, deadlineMs ?? Number.POSITIVE_INFINITY);
  }

  #pauseMs(repeat: number): number {
    const fullMs = Math.min(this.#terms.backoffMs * 2 ** (repeat - 1), LONGEST_BACKOFF_MS);
    return fullMs * (0.5 + this.#deps.random() / 2);
  }

  /** Waits; whether there is still somebody to answer and time to do so. */
  async #mayGoOn(sending: Sending, pauseMs: number): Promise<boolean> {
    const dueMs = this.#dueMs(sending);
    if (dueMs !== undefined && this.nowMs() + pauseMs >= dueMs) return false;
    if (pauseMs > 0) await this.#wait(pauseMs, sending.cancel);
    return !sending.cancel.aborted;
  }

  async #wait(pauseMs: number, cancel: Cancel): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = this.#deps.clock.after(pauseMs, resolve);
    const forget = cancel.onAbort(resolve);
    await promise;
    stop();
    forget();
  }
}

type RetryReason = RetryPlan["on"][number];

const REASONS = { connect: "connect", broken: "reset", slow: "timeout", other: undefined } as const satisfies Readonly<
  Record<string, RetryReason | undefined>
>;

const reasonOf = (answer: AttemptAnswer): RetryReason | "status" | undefined =>
  answer.ok ? "status" : REASONS[answer.error.kind];
