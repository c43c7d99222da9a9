/** A request to stop, seen from the work that should stop. Costs nothing until somebody asks for an AbortSignal. */
export interface Cancel {
  readonly aborted: boolean;
  /** Runs `listener` once when it happens (at once if it has). Returns the function that takes it back. */
  onAbort(listener: () => void): () => void;
}

/** A `Cancel` and the right to pull it. */
export class CancelSource implements Cancel {
  #aborted = false;
  #listeners: Set<() => void> | undefined;

  get aborted(): boolean {
    return this.#aborted;
  }

  onAbort(listener: () => void): () => void {
    if (this.#aborted) {
      listener();
      return () => {};
    }
    const listeners = (this.#listeners ??= new Set());
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Idempotent. */
  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    const listeners = this.#listeners;
    this.#listeners = undefined;
    for (const listener of listeners ?? []) listener();
  }

  /** A source that also stops when `parent` does; `release` when the work is over, so that the parent forgets it. */
  static under(parent: Cancel): { readonly source: CancelSource; readonly release: () => void } {
    const source = new CancelSource();
    return { source, release: parent.onAbort(() => source.abort()) };
  }
}
