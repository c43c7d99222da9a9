/** Room for bodies held in this process, over all exchanges (C24). */
export interface CaptureAllowance {
  /** Takes room for that many bytes; false when there is none. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** What one exchange holds of that room. Closed when the exchange is over: what is still under way then gets none and owes none. */
export class HeldRoom {
  readonly #allowance: CaptureAllowance;
  #heldBytes = 0;
  #closed = false;

  constructor(allowance: CaptureAllowance) {
    this.#allowance = allowance;
  }

  /** False when there is no room, or the exchange is over. */
  take(bytes: number): boolean {
    if (this.#closed || !this.#allowance.take(bytes)) return false;
    this.#heldBytes += bytes;
    return true;
  }

  /** Gives back what is no longer held; never more than was taken. */
  give(bytes: number): void {
    const back = Math.min(Math.max(bytes, 0), this.#heldBytes);
    this.#heldBytes -= back;
    this.#allowance.give(back);
  }

  /** Gives back everything. Idempotent. */
  close(): void {
    this.#closed = true;
    this.give(this.#heldBytes);
  }
}
