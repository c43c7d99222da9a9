import type { Clock } from "../../../ports/clock.ts";

/** The date as responses tell it, made once a second. */
export class DateLine {
  readonly #clock: Clock;
  #second = Number.NaN;
  #text = "";

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Now, as an IMF-fixdate (RFC 9110 section 5.6.7). */
  get now(): string {
    const second = Math.floor(this.#clock.wallMs() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toUTCString();
    }
    return this.#text;
  }
}
