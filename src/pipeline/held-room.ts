/** What room is for: `review`, bodies that reviews which decide wait for; `copy`, whatever is asked off the path (C29, C33). */
export type CapturePurpose = "review" | "copy";

/** Room for bodies held in this process, over all exchanges (C24). */
export interface CaptureAllowance {
  /** Takes room for that many bytes; false when there is none for that purpose. */
  take(bytes: number, purpose: CapturePurpose): boolean;
  /** Gives it back, for the purpose it was taken for. */
  give(bytes: number, purpose: CapturePurpose): void;
}

/** What one exchange holds of that room. Closed when the exchange is over: what is still under way then gets none and owes none. */
export class HeldRoom {
  readonly #allowance: CaptureAllowance;
  readonly #purpose: CapturePurpose;
  #copies: HeldRoom | undefined;
  #heldBytes = 0;
  #closed = false;

  constructor(allowance: CaptureAllowance, purpose: CapturePurpose = "review") {
    this.#allowance = allowance;
    this.#purpose = purpose;
  }

  /** The part for observers and shadows, which finds no room before reviews that decide find none. Closed with the whole. */
  get forCopies(): HeldRoom {
    if (this.#copies !== undefined) return this.#copies;
    const copies = new HeldRoom(this.#allowance, "copy");
    if (this.#closed) copies.close();
    return (this.#copies = copies);
  }

  /** False when there is no room, or the exchange is over. */
  take(bytes: number): boolean {
    if (this.#closed || !this.#allowance.take(bytes, this.#purpose)) return false;
    this.#heldBytes += bytes;
    return true;
  }

  /** Gives back what is no longer held; never more than was taken. */
  give(bytes: number): void {
    const back = Math.min(Math.max(bytes, 0), this.#heldBytes);
    this.#heldBytes -= back;
    this.#allowance.give(back, this.#purpose);
  }

  /** Gives back everything. Idempotent. */
  close(): void {
    this.#closed = true;
    this.give(this.#heldBytes);
    this.#copies?.close();
  }
}
