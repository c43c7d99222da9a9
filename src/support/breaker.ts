import type { Clock } from "../ports/clock.ts";

/** When a breaker opens, and how it tries again. */
export interface BreakerTerms {
  /** Failures in a row; 0: it never opens. */
  readonly failures: number;
  /** Pause before the first try, milliseconds. */
  readonly openMs: number;
}

/** Closed: all is let through. Open: nothing. Half-open: one try at a time. */
export type BreakerState = "closed" | "open" | "half-open";

/** One attempt that was let through; given back once by `end`. */
export interface Attempt {
  /** Its outcome decides whether the breaker closes. */
  readonly isTry: boolean;
  /** Attempts begun before the last change of state tell nothing about it. */
  readonly era: number;
}

/** Longest pause between two tries, in multiples of the first: for one whom nobody stands in for, and for one whom others do. */
const MOST = { alone: 2, replaced: 60 } as const;

/**
 * Stops sending work to what fails again and again, and tries with one piece of work at a time whether it is well. Closing takes one
 * success. It says when it is due to open; whether it may is its owner's choice, who sees the others. Pure but for the clock.
 */
export class Breaker {
  readonly #terms: BreakerTerms;
  readonly #clock: Pick<Clock, "nowMs">;
  #failures = 0;
  #isClosed = true;
  #era = 0;
  #pausedAtMs = 0;
  #pauseMs = 0;
  #trying = false;

  constructor(terms: BreakerTerms, clock: Pick<Clock, "nowMs">) {
    this.#terms = terms;
    this.#clock = clock;
  }

  get state(): BreakerState {
    if (this.#isClosed) return "closed";
    return this.#trying || this.mayTry(true) ? "half-open" : "open";
  }

  /** Closed, and fit to be opened. */
  get isDue(): boolean {
    return this.#isClosed && this.#terms.failures > 0 && this.#failures >= this.#terms.failures;
  }

  /** Whether an open one may be tried now. `isAlone`: nothing else can do the work, so that a long pause is not waited for. */
  mayTry(isAlone: boolean): boolean {
    if (this.#isClosed || this.#trying) return false;
    const pauseMs = isAlone ? Math.min(this.#pauseMs, this.#terms.openMs * MOST.alone) : this.#pauseMs;
    return this.#clock.nowMs() - this.#pausedAtMs >= pauseMs;
  }

  /** Begins an attempt: a try where it is open; whoever begins one asked `mayTry` before. */
  begin(): Attempt {
    const isTry = !this.#isClosed;
    this.#trying ||= isTry;
    return { isTry, era: this.#era };
  }

  /** `none`: given up, or its end says nothing about who did the work. Returns whether the breaker closed by it. */
  end({ isTry, era }: Attempt, outcome: "success" | "failure" | "none"): boolean {
    if (era !== this.#era) return false;
    if (!isTry) {
      if (outcome !== "none") this.#failures = outcome === "success" ? 0 : this.#failures + 1;
      return false;
    }
    this.#trying = false;
    if (outcome === "success") return this.reset();
    if (outcome === "failure") this.#pause(Math.min(this.#pauseMs * 2, this.#terms.openMs * MOST.replaced));
    return false;
  }

  /** Opens it. */
  open(): void {
    this.#isClosed = false;
    this.#trying = false;
    this.#era += 1;
    this.#pause(this.#terms.openMs);
  }

  /** Closes it and forgets the failures: what failed is not what is there now. Returns whether it was open. */
  reset(): boolean {
    const wasOpen = !this.#isClosed;
    this.#isClosed = true;
    this.#failures = 0;
    this.#trying = false;
    this.#era += 1;
    return wasOpen;
  }

  #pause(pauseMs: number): void {
    this.#pausedAtMs = this.#clock.nowMs();
    this.#pauseMs = pauseMs;
  }
}
