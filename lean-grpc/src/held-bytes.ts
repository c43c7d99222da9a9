/** Memory that messages which are not whole yet may take together, bytes. */
export const MAX_HELD_BYTES = 64 * 1024 * 1024;

/** Counts what unfinished messages hold, so that many slow ones cannot fill the memory where a single one could not. */
export class HeldBytes {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes = MAX_HELD_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** `false`: nothing was taken, there is no room. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Of what was taken. */
  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}
