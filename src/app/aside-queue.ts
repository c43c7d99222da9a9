import { CancelSource } from "../model/cancel.ts";
import type { Exchange } from "../model/exchange.ts";
import type { HeaderLines } from "../model/header-lines.ts";
import { err, type Result } from "../model/result.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import type { Counter } from "../ports/metrics.ts";
import type { Observation, Observers } from "../ports/observers.ts";
import type { BodyView, ReviewedVerdict } from "../ports/review-client.ts";

/** Bounds of one queue (C29, C33). */
export interface AsideLimits {
  readonly maxItems: number;
  /** Of everything queued or under way, heads and bodies, as an estimate of the memory it takes. */
  readonly maxBytes: number;
  /** Observations under way at once. */
  readonly concurrency: number;
}

/** Bounds as the contract states them. */
export const ASIDE_LIMITS: AsideLimits = { maxItems: 1024, maxBytes: 16 * 1024 * 1024, concurrency: 16 };

/** What the queue reports to. */
export interface AsideReports {
  /** Something was left out: the bodies, or the whole observation. */
  readonly dropped: (observation: Observation, part: "body" | "item") => Counter;
  /** One observation was delivered, or failed; nobody waits for it. */
  readonly done: (observation: Observation, answer: Result<ReviewedVerdict, ReviewFailure>, durationMs: number) => void;
  readonly nowMs: () => number;
}

interface Queued {
  readonly observation: Observation;
  readonly bytes: number;
}

/** Reviews off the request path, of observers or of shadows, a queue for each: bounded in items and bytes, bodies dropped first; best effort by contract (C29, C33). */
export class AsideQueue implements Observers {
  readonly #limits: AsideLimits;
  readonly #reports: AsideReports;
  readonly #queue: Queued[] = [];
  readonly #cancel = new CancelSource();
  #bytes = 0;
  #running = 0;
  #drained = false;
  #idle: (() => void) | undefined;

  constructor(reports: AsideReports, limits: AsideLimits = ASIDE_LIMITS) {
    this.#reports = reports;
    this.#limits = limits;
  }

  enqueue(observation: Observation): void {
    const fitting = this.#fit(observation);
    if (fitting === undefined) return this.#drop(observation);
    this.#queue.push(fitting);
    this.#bytes += fitting.bytes;
    this.#work();
  }

  /** Resolves when everything queued was delivered, or `deadline` says that it is enough; then the rest is given up, and whatever comes later. */
  async drain(deadline: Promise<void>): Promise<void> {
    if (this.#queue.length > 0 || this.#running > 0) {
      const idle = new Promise<void>((resolve) => (this.#idle = resolve));
      await Promise.race([idle, deadline]);
    }
    this.#drained = true;
    for (const { observation } of this.#queue.splice(0)) this.#drop(observation);
    this.#cancel.abort();
  }

  /** The observation as it fits: whole, without its bodies, or not at all. */
  #fit(observation: Observation): Queued | undefined {
    if (this.#drained || this.#queue.length >= this.#limits.maxItems) return undefined;
    const { subject } = observation;
    const headBytes = exchangeBytes(subject.exchange);
    const bytes = headBytes + viewBytes(subject.requestBody) + viewBytes(subject.responseBody);
    if (this.#bytes + bytes <= this.#limits.maxBytes) return { observation, bytes };
    if (this.#bytes + headBytes > this.#limits.maxBytes) return undefined;
    this.#reports.dropped(observation, "body").add();
    const outcome = subject.outcome && { ...subject.outcome, bodiesOmitted: true as const };
    const lighter = { ...observation, subject: { ...subject, requestBody: undefined, responseBody: undefined, outcome } };
    return { observation: lighter, bytes: headBytes };
  }

  #drop(observation: Observation): void {
    this.#reports.dropped(observation, "item").add();
    observation.release();
  }

  #work(): void {
    while (this.#running < this.#limits.concurrency) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      this.#running += 1;
      void this.#deliver(next);
    }
    if (this.#running === 0) this.#idle?.();
  }

  async #deliver({ observation, bytes }: Queued): Promise<void> {
    const startedMs = this.#reports.nowMs();
    const answer = await this.#ask(observation);
    this.#bytes -= bytes;
    this.#running -= 1;
    observation.release();
    this.#reports.done(observation, answer, this.#reports.nowMs() - startedMs);
    this.#work();
  }

  async #ask({ binding, subject, reviewId, judge }: Observation): Promise<Result<ReviewedVerdict, ReviewFailure>> {
    try {
      const answer = await binding.review(subject, { reviewId, grantMs: binding.plan.limits.timeoutMs, cancel: this.#cancel });
      return answer.ok && judge !== undefined ? judge(answer.value, subject) : answer;
    } catch (thrown) {
      // a bug of ours must not stop the queue for everybody else
      return err({
        kind: "invalid",
        reason: "contract",
        message: `the review broke: ${thrown instanceof Error ? thrown.message : "no Error"}`,
      });
    }
  }
}

/** Texts are counted two bytes a character, as a string may take. */
const CHARACTER_BYTES = 2;

function viewBytes(view: BodyView | undefined): number {
  if (view === undefined) return 0;
  if (view.format === "bytes") return view.bytes.byteLength;
  // a parsed document takes several times its text
  return view.text.length * CHARACTER_BYTES * (view.format === "json" ? 4 : 1);
}

/** What is not in headers, path and query: ids, principal, labels and the objects around them. */
const AROUND_BYTES = 2048;

function exchangeBytes({ head, response }: Exchange): number {
  const characters =
    head.path.length +
    (head.query?.length ?? 0) +
    lineCharacters(head.headers) +
    (response === undefined ? 0 : lineCharacters(response.headers));
  return AROUND_BYTES + characters * CHARACTER_BYTES;
}

function lineCharacters(headers: HeaderLines): number {
  let characters = 0;
  headers.each((name, value, writtenName) => (characters += name.length + writtenName.length + value.length));
  return characters;
}
