import type { Clock } from "../../ports/clock.ts";

/** Listeners hear of a wish at most this often: a service that refuses every review wants one Describe, not thousands. Short enough that a changed manifest is known within a second. */
const QUIET_MS = 500;

/** Passes on that a service must be described again. */
export class DescribeAgain {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #quiet = false;
  #wanted = false;
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
    this.#stopTimer = this.#clock.after(QUIET_MS, () => {
      this.#quiet = false;
      if (this.#wanted) this.#tell();
    });
    for (const listener of this.#listeners) listener();
  }
}
