import type { CaptureAllowance, CapturePurpose } from "../pipeline/held-room.ts";

/** Of the room, what copies may take: who is asked off the path takes no room from those that decide. */
const COPIES_SHARE = 0.5;

/** The process's room for captured bodies; at most half of it is for copies (C24, C33). */
export class CaptureRoom implements CaptureAllowance {
  #maxBytes: number;
  #takenBytes = 0;
  /** Of that, by copies. */
  #copiedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A reload may change how much there is. What is held above it stays held; nothing is taken until it has gone. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }

  take(bytes: number, purpose: CapturePurpose = "review"): boolean {
    if (this.#takenBytes + bytes > this.#maxBytes) return false;
    if (purpose === "copy") {
      if (this.#copiedBytes + bytes > this.#maxBytes * COPIES_SHARE) return false;
      this.#copiedBytes += bytes;
    }
    this.#takenBytes += bytes;
    return true;
  }

  give(bytes: number, purpose: CapturePurpose = "review"): void {
    this.#takenBytes -= bytes;
    if (purpose === "copy") this.#copiedBytes -= bytes;
  }

  /** Held now; 0 when no exchange is under way. */
  get takenBytes(): number {
    return this.#takenBytes;
  }
}
