import { err, ok, type Result } from "../../../model/result.ts";
import type { ReviewFailure } from "../../../model/review-failure.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { ReviewCall, ReviewedVerdict } from "../../../ports/review-client.ts";
import type { KeptVerdict } from "./verdict-cache.ts";

type Answer = Result<ReviewedVerdict, ReviewFailure>;

/** Less time than this is not worth a call (C20), milliseconds. */
const MIN_GRANT_MS = 10;

/** Names remembered of questions whose answers were for one caller only. */
const MAX_ALONE = 4_096;

/** One question being asked, and who may wait for its answer. */
export interface Flight {
  /** The revocations' `moment` when it began: after a later revoke nobody joins it. */
  readonly since: number;
  /** What others may be told too; undefined where each must ask for himself. Never rejects. */
  readonly shared: Promise<KeptVerdict | undefined>;
}

/** Questions under way by their names, so that equal ones are asked once (C34). Those who wait are bounded; whoever finds no room asks for himself. */
export class Flights {
  readonly #clock: Clock;
  readonly #open = new Map<string, Flight>();
  /** Least recently noted first. */
  readonly #alone = new Set<string>();
  #maxFollowers: number;
  #followers = 0;

  constructor(maxFollowers: number, clock: Clock) {
    this.#maxFollowers = maxFollowers;
    this.#clock = clock;
  }

  /** Callers waiting for somebody else's answer. */
  get followers(): number {
    return this.#followers;
  }

  /** For those who come from now on. */
  setLimit(maxFollowers: number): void {
    this.#maxFollowers = maxFollowers;
  }

  /** The flight one may join now. */
  joinable(id: string, moment: number): Flight | undefined {
    const flight = this.#alone.has(id) ? undefined : this.#open.get(id);
    return flight?.since === moment && this.#followers < this.#maxFollowers ? flight : undefined;
  }

  /** Others may join this one until it is over; in place of one that may not be joined any more. */
  lead(id: string, flight: Flight): void {
    this.#open.set(id, flight);
    void flight.shared.then(() => {
      if (this.#open.get(id) === flight) this.#open.delete(id);
    });
  }

  /** Whether the last verdict could be told to others: where not, waiting for the next one is likely to be in vain, and nobody does. */
  note(id: string, isShareable: boolean): void {
    this.#alone.delete(id);
    if (isShareable) return;
    this.#alone.add(id);
    for (const oldest of this.#alone) {
      if (this.#alone.size <= MAX_ALONE) return;
      this.#alone.delete(oldest);
    }
  }

  /** Waits for a flight inside the own grant and until the own cancel, and no longer; where there is nothing to share, asks in what is left of the grant. */
  follow({ shared }: Flight, call: ReviewCall, ask: (call: ReviewCall) => Promise<Answer>): Promise<Answer> {
    const endMs = this.#clock.nowMs() + call.grantMs;
    this.#followers += 1;
    return new Promise((resolve) => {
      let over = false;
      let forget = (): void => {};
      const end = (answer: () => Answer | Promise<Answer>): void => {
        if (over) return;
        over = true;
        this.#followers -= 1;
        stopTimer();
        forget();
        resolve(answer());
      };
      const late = (): Answer => err({ kind: "timeout", message: `no verdict within ${Math.round(call.grantMs)} ms` });
      const stopTimer = this.#clock.after(Math.max(call.grantMs, 0), () => end(late));
      forget = call.cancel.onAbort(() => end(() => CANCELLED));
      void shared.then((verdict) =>
        end(() => {
          if (verdict !== undefined) return ok({ ...verdict, cached: "shared" });
          const grantMs = endMs - this.#clock.nowMs();
          return grantMs < MIN_GRANT_MS ? late() : ask({ ...call, grantMs });
        }),
      );
    });
  }
}

/** What a review that is no longer wanted resolves to; nobody reads it. */
const CANCELLED = err<ReviewFailure>({ kind: "unavailable", message: "the review was cancelled" });
