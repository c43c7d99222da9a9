/** Lets a plan go when the last of those who need its resources has: the exchange, and observations that outlive it (C29). */
export class PlanHold {
  /** Forgotten once called: whoever still holds this must not hold the plan by it. */
  #release: (() => void) | undefined;
  #holders = 0;

  constructor(release: () => void) {
    this.#release = release;
  }

  /** One more who needs it; the function says that this one does no longer. Harmless when called again. */
  take(): () => void {
    this.#holders += 1;
    let holds = true;
    return () => {
      if (!holds) return;
      holds = false;
      this.#holders -= 1;
      if (this.#holders > 0) return;
      this.#release?.();
      this.#release = undefined;
    };
  }
}
