import type { Clock } from "../ports/clock.ts";

/** When a breaker opens, and how it tries again. */
export interface BreakerTerms {
  /** Failures in a row; 0: it never opens. */
  readonly failures: number;
  /** Pause before the first try, milliseconds. */
  readonly openMs: number;
  /** Failures longer ago than this are forgotten, milliseconds. Default: none are. */
  readonly windowMs?: number;
  /** Longest pause while others stand in, milliseconds. Default: 60 times the first. */
  readonly longestOpenMs?: number;
  /** First and longest pause where nobody stands in. Default: `openMs`, and twice that. */
  readonly alone?: { readonly firstMs: number; readonly longestMs: number };
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

/** Pauses double with each try that fails. */
interface Pauses {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * Stops sending work to what fails again and again, and tries with one piece of work at a time whether it is well. Closing takes one
 * success. It says when it is due to open; whether it may is its owner's choice, who sees the others. Pure but for the clock.
 */
export class Breaker {
  readonly #terms: BreakerTerms;
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #alone: Pauses;
  readonly #replaced: Pauses;
  #failures = 0;
  /** When the last failures in a row were, `terms.failures` of them at most; only kept where they are forgotten again. */
  #failedAtMs: number[] = [];
  #isClosed = true;
  #era = 0;
  #ordinary: Attempt | undefined;
  #pausedAtMs = 0;
  /** Tries in a row that failed. */
  #failedTries = 0;
  #trying = false;

  constructor(terms: BreakerTerms, clock: Pick<Clock, "nowMs">) {
    this.#terms = terms;
    this.#clock = clock;
    const { openMs, longestOpenMs = openMs * MOST.replaced } = terms;
    this.#alone = terms.alone ?? { firstMs: openMs, longestMs: openMs * MOST.alone };
    this.#replaced = { firstMs: openMs, longestMs: longestOpenMs };
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** How long it is open for, where others stand in, milliseconds. */
  get pauseMs(): number {
    return this.#pauseOf(this.#replaced);
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
    return this.#clock.nowMs() - this.#pausedAtMs >= this.#pauseOf(isAlone ? this.#alone : this.#replaced);
  }

  /** Begins an attempt: a try where it is open; whoever begins one asked `mayTry` before. */
  begin(): Attempt {
    // one object for all ordinary attempts of an era
    if (this.#isClosed) return (this.#ordinary ??= { isTry: false, era: this.#era });
    this.#trying = true;
    return { isTry: true, era: this.#era };
  }

  /** `none`: given up, or its end says nothing about who did the work. Returns whether the breaker closed by it. */
  end({ isTry, era }: Attempt, outcome: "success" | "failure" | "none"): boolean {
    if (era !== this.#era) return false;
    if (!isTry) {
      if (outcome === "success") this.#failures = 0;
      else if (outcome === "failure") this.#note();
      return false;
    }
    this.#trying = false;
    if (outcome === "success") return this.reset();
    if (outcome === "failure") {
      this.#failedTries += 1;
      this.#pausedAtMs = this.#clock.nowMs();
    }
    return false;
  }

  /** Opens it. */
  open(): void {
    this.#isClosed = false;
    this.#trying = false;
    this.#beginEra();
    this.#failedTries = 0;
    this.#pausedAtMs = this.#clock.nowMs();
  }

  /** Closes it and forgets the failures: what failed is not what is there now. Returns whether it was open. */
  reset(): boolean {
    const wasOpen = !this.#isClosed;
    this.#isClosed = true;
    this.#failures = 0;
    this.#trying = false;
    this.#beginEra();
    return wasOpen;
  }

  #beginEra(): void {
    this.#era += 1;
    this.#ordinary = undefined;
  }

  #note(): void {
    const { failures, windowMs } = this.#terms;
    this.#failures += 1;
    if (windowMs === undefined || failures === 0) return;
    const nowMs = this.#clock.nowMs();
    if (this.#failures === 1) this.#failedAtMs = [];
    this.#failedAtMs.push(nowMs);
    this.#failedAtMs = this.#failedAtMs.filter((atMs) => nowMs - atMs <= windowMs).slice(-failures);
    this.#failures = this.#failedAtMs.length;
  }

  #pauseOf({ firstMs, longestMs }: Pauses): number {
    return Math.min(firstMs * 2 ** this.#failedTries, longestMs);
  }
}
