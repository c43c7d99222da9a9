/** How many repeats may be under way at once. */
export interface RetryBudgetTerms {
  /** Of all requests under way, 0 to 100. */
  readonly percent: number;
  /** Repeats allowed however few requests are under way. */
  readonly min: number;
}

/**
 * Keeps repeats a small part of the work, so that what is overloaded is not asked twice as often by everybody at once (R14).
 * Pure: counts what was taken and not yet given back.
 */
export class RetryBudget {
  readonly #terms: RetryBudgetTerms;
  #underWay = 0;

  constructor(terms: RetryBudgetTerms) {
    this.#terms = terms;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** Whether one more repeat may begin while so many requests are under way, first attempts and repeats; `give` when it is over. */
  take(active: number): boolean {
    const { percent, min } = this.#terms;
    if (this.#underWay >= Math.max(min, Math.floor((active * percent) / 100))) return false;
    this.#underWay += 1;
    return true;
  }

  give(): void {
    this.#underWay -= 1;
  }
}
