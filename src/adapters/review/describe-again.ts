import type { Clock } from "../../ports/clock.ts";

/** Listeners hear of a wish at most this often: a service that refuses every review wants one Describe, not thousands. Short enough that a changed manifest is known within a second. */
const QUIET_MS = 500;

/** So many in a row, and each is followed by twice the quiet, up to the most: a service that never settles would have a plan built each time. */
const IN_A_ROW = 10;
const MOST_QUIET_MS = 30_000;

/** What comes after so long a calm begins a row of its own. */
const CALM_MS = 60_000;

/** Passes on that a service must be described again. */
export class DescribeAgain {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #quiet = false;
  #wanted = false;
  #inARow = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #stopTimer = (): void => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns the function that takes the listener back. */
  on(listener: () => void): () => void {
    // a function of its own, so that one given twice is taken back once
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** Now, or when the quiet after the last one is over. */
  wish(): void {
    this.#wanted = true;
    if (!this.#quiet) this.#tell();
  }

  close(): void {
    this.#stopTimer();
    this.#listeners.clear();
  }

  #tell(): void {
    this.#wanted = false;
    this.#quiet = true;
    this.#stopTimer = this.#clock.after(this.#quietMs(), () => {
      this.#quiet = false;
      if (this.#wanted) this.#tell();
    });
    for (const listener of this.#listeners) listener();
  }

  #quietMs(): number {
    const nowMs = this.#clock.nowMs();
    this.#inARow = nowMs - this.#toldAtMs > CALM_MS ? 1 : this.#inARow + 1;
    this.#toldAtMs = nowMs;
    return Math.min(QUIET_MS * 2 ** Math.max(0, this.#inARow - IN_A_ROW), MOST_QUIET_MS);
  }
}
