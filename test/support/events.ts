/** Counts something that happens and lets a test wait for it with a deadline. */
export class Events {
  #count = 0;
  #wake = (): void => {};

  get count(): number {
    return this.#count;
  }

  readonly add = (): void => {
    this.#count += 1;
    this.#wake();
  };

  /** Resolves once it has happened `count` times in all; rejects after `deadlineMs`. */
  async reach(count: number, deadlineMs = 8000): Promise<void> {
    const timeout = AbortSignal.timeout(deadlineMs);
    while (this.#count < count) {
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        timeout.addEventListener(
          "abort",
          () => reject(new Error(`happened ${this.#count} times of ${count} within ${deadlineMs} ms`)),
          { once: true },
        );
      });
    }
  }
}
