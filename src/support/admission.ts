import type { Cancel } from "../model/cancel.ts";
import type { Clock } from "../ports/clock.ts";

/** How many may be inside at once, and how many may wait to get in. */
export interface AdmissionLimits {
  readonly maxInside: number;
  readonly maxWaiting: number;
}

/** Whether work may begin. Whoever is admitted calls `leave` once when it is over. */
export type Admitted = "admitted" | "full" | "expired" | "cancelled";

/**
 * A concurrency limit with a bounded queue, first come first served. Nobody waits longer than his own deadline, and nobody who
 * stopped waiting is admitted.
 */
export class Admission {
  readonly #clock: Clock;
  #limits: AdmissionLimits;
  #inside = 0;
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
    return new Promise((resolve) => this.#wait(waitMs, cancel, resolve));
  }

  /** Gives back one admission and lets the next one in. */
  leave(): void {
    this.#inside -= 1;
    this.#admitNext();
  }

  /** New limits for what comes from now on: who is inside or waiting stays. */
  setLimits(limits: AdmissionLimits): void {
    this.#limits = limits;
    this.#admitNext();
  }

  #wait(waitMs: number, cancel: Cancel, resolve: (admitted: Admitted) => void): void {
    const waiter: Waiter = {
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
      this.#inside += 1;
      waiter.end("admitted");
    }
  }
}

interface Waiter {
  /** Takes it out of the queue and tells it why. */
  readonly end: (admitted: Admitted) => void;
}
