import type { Clock } from "../ports/clock.ts";

/** How often the clock is looked at. */
const SAMPLE_MS = 100;

/** Looks in a row that must be late: one long turn is a reload or a collection, not overload. */
const LATE_IN_A_ROW = 5;

/** Notices when the event loop stays behind. Owned by whoever made it, who stops it. */
export class LoopDelay implements Disposable {
  readonly #clock: Clock;
  readonly #maxMs: number;
  #lateInARow = 0;
  #stop = (): void => {};

  /** `maxMs`: a timer that fires later than this is late. */
  constructor(clock: Clock, maxMs: number) {
    this.#clock = clock;
    this.#maxMs = maxMs;
    this.#sample();
  }

  /** Timers have been late for half a second and more: what is let in now would wait as long in every step. */
  get isBehind(): boolean {
    return this.#lateInARow >= LATE_IN_A_ROW;
  }

  [Symbol.dispose](): void {
    this.#stop();
  }

  #sample(): void {
    const dueMs = this.#clock.nowMs() + SAMPLE_MS;
    this.#stop = this.#clock.after(SAMPLE_MS, () => {
      this.#lateInARow = this.#clock.nowMs() - dueMs > this.#maxMs ? this.#lateInARow + 1 : 0;
      this.#sample();
    });
  }
}
