import type { Clock } from "../../../ports/clock.ts";

/**
 * A deadline that is moved far more often than it comes. One timer stands behind it; putting the deadline off costs an
 * assignment, because the timer looks again when it rings. Only an earlier deadline sets a new timer.
 */
export class DeadlineAlarm {
  readonly #clock: Clock;
  readonly #onDue: (nowMs: number) => void;
  #dueMs = Number.POSITIVE_INFINITY;
  #ringsMs = Number.POSITIVE_INFINITY;
  #stop: (() => void) | undefined;

  constructor(clock: Clock, onDue: (nowMs: number) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** On the monotonic clock; replaces the deadline there was. `onDue` runs once. */
  set(dueMs: number): void {
    this.#dueMs = dueMs;
    if (dueMs < this.#ringsMs) this.#arm(dueMs, this.#clock.nowMs());
  }

  /** No deadline any more, and no timer. */
  close(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#stop?.();
    this.#stop = undefined;
  }

  #arm(ringsMs: number, nowMs: number): void {
    this.#stop?.();
    this.#ringsMs = ringsMs;
    this.#stop = this.#clock.after(Math.max(0, ringsMs - nowMs), this.#ring);
  }

  readonly #ring = (): void => {
    const nowMs = this.#clock.nowMs();
    this.#ringsMs = Number.POSITIVE_INFINITY;
    if (nowMs < this.#dueMs) {
      if (this.#dueMs !== Number.POSITIVE_INFINITY) this.#arm(this.#dueMs, nowMs);
      return;
    }
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#onDue(nowMs);
  };
}
