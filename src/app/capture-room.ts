import type { CaptureAllowance } from "../pipeline/held-room.ts";

/** The process's room for captured bodies. */
export class CaptureRoom implements CaptureAllowance {
  #maxBytes: number;
  #takenBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A reload may change how much there is. What is held above it stays held; nothing is taken until it has gone. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }

  take(bytes: number): boolean {
    if (this.#takenBytes + bytes > this.#maxBytes) return false;
    this.#takenBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#takenBytes -= bytes;
  }

  /** Held now; 0 when no exchange is under way. */
  get takenBytes(): number {
    return this.#takenBytes;
  }
}
