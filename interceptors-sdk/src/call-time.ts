/**
 * One call's grant of time. Costs next to nothing until somebody waits for its end: a review that answers at once needs no timer and no
 * signal.
 */
export class CallTime {
  readonly #endsAtMs: number;
  #state: "running" | "deadline" | "cancelled" | "answered" = "running";
  #controller: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #onOver = (): void => {};

  /** Until then, on the clock of `performance.now()`; Infinity: for ever. */
  constructor(endsAtMs: number) {
    this.#endsAtMs = endsAtMs;
  }

  /** The deadline passed, or the caller gave up. */
  get isOver(): boolean {
    return this.ending !== undefined;
  }

  /** Why the call is over; undefined: it is not. Kept as it was, since timers and clocks disagree by fractions of a millisecond. */
  get ending(): "deadline" | "cancelled" | undefined {
    return this.#state === "deadline" || this.#state === "cancelled" ? this.#state : undefined;
  }

  /** Aborts when the call is over, if that happens before it is answered. */
  get signal(): AbortSignal {
    this.#controller ??= this.#watchedController();
    return this.#controller.signal;
  }

  /** Milliseconds left; 0 once they are spent. */
  remainingMs(): number {
    return Math.max(0, this.#endsAtMs - performance.now());
  }

  /** Told once when the call is over, at once where it already is; one listener. */
  onOver(listener: () => void): void {
    if (this.isOver) return listener();
    this.#onOver = listener;
    this.#startTimer();
  }

  /** The caller gave up, unless time was up before. */
  readonly cancel = (): void => this.#end(this.remainingMs() > 0 ? "cancelled" : "deadline");

  /** Nothing ends any more. */
  answered(): void {
    if (this.#state === "running") this.#state = "answered";
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }

  #end(why: "deadline" | "cancelled"): void {
    if (this.#state !== "running") return;
    this.#state = why;
    clearTimeout(this.#timer);
    this.#controller?.abort();
    this.#onOver();
  }

  #watchedController(): AbortController {
    const controller = new AbortController();
    if (this.isOver) controller.abort();
    else this.#startTimer();
    return controller;
  }

  #startTimer(): void {
    if (this.#timer !== undefined || this.#state !== "running" || this.#endsAtMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#end("deadline"), Math.min(this.remainingMs(), LONGEST_DELAY_MS));
  }
}

/** setTimeout fires at once beyond this. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;
