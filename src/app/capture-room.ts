import type { CaptureAllowance } from "../pipeline/held-room.ts";

/** Bytes of bodies the process may hold for review at once (C24): a quarter GiB unless said otherwise. */
export const DEFAULT_MAX_CAPTURED_BYTES = 256 * 1024 * 1024;

/** The process's room for captured bodies. */
export class CaptureRoom implements CaptureAllowance {
  readonly #maxBytes: number;
  #takenBytes = 0;

  constructor(maxBytes: number = DEFAULT_MAX_CAPTURED_BYTES) {
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
