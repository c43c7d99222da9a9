/** So much at once, and so much again in each second: what a connection may cost beyond its requests. */
export class Budget {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #sinceMs: number;

  constructor({ burst, perSecond }: { readonly burst: number; readonly perSecond: number }, nowMs: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#sinceMs = nowMs;
  }

  /** Takes from it; `false`: there is not so much left. */
  spend(amount: number, nowMs: number): boolean {
    const gained = (Math.max(0, nowMs - this.#sinceMs) / 1000) * this.#perSecond;
    this.#sinceMs = nowMs;
    this.#left = Math.min(this.#burst, this.#left + gained) - amount;
    return this.#left >= 0;
  }
}
