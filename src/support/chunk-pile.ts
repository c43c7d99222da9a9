/** Neighbours that are both smaller are copied together. */
const SMALL_BYTES = 4 * 1024;

/** How much is copied into one piece. */
const PAGE_BYTES = 16 * 1024;

/**
 * Bytes held in memory as they came, in pieces. Small neighbours are put together: an array of its own for every byte takes two hundred
 * times the room of the byte, and how a body is cut into chunks is its sender's choice. What is held is thus at most about twice
 * `byteLength`, whatever the sender does.
 */
export class ChunkPile {
  readonly #pieces: Uint8Array[] = [];
  /** The last piece, while there is room in it. */
  #page: Uint8Array | undefined;
  #pageBytes = 0;
  #bytes = 0;

  /** Of everything pushed. */
  get byteLength(): number {
    return this.#bytes;
  }

  /** Takes the next chunk. It may be kept as it is: nobody must write to it any more. */
  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    this.#bytes += chunk.byteLength;
    if (this.#page !== undefined && this.#pageBytes + chunk.byteLength <= PAGE_BYTES) return this.#append(this.#page, chunk);
    this.#seal();
    const last = this.#pieces.at(-1);
    if (last === undefined || last.byteLength >= SMALL_BYTES || chunk.byteLength >= SMALL_BYTES) {
      this.#pieces.push(chunk);
      return;
    }
    // only now: most bodies are one small chunk, which is worth no page
    this.#pieces.pop();
    const page = new Uint8Array(PAGE_BYTES);
    this.#page = page;
    this.#append(page, last);
    this.#append(page, chunk);
  }

  /** The bytes in order; the pile must not be used any more. */
  take(): Uint8Array[] {
    this.#seal();
    return this.#pieces;
  }

  /** All bytes in one array; the pile must not be used any more. */
  whole(): Uint8Array {
    const pieces = this.take();
    const [only, second] = pieces;
    if (only !== undefined && second === undefined) return only;
    const whole = new Uint8Array(this.#bytes);
    let offset = 0;
    for (const piece of pieces) {
      whole.set(piece, offset);
      offset += piece.byteLength;
    }
    return whole;
  }

  #append(page: Uint8Array, chunk: Uint8Array): void {
    page.set(chunk, this.#pageBytes);
    this.#pageBytes += chunk.byteLength;
  }

  #seal(): void {
    if (this.#page === undefined) return;
    this.#pieces.push(this.#page.subarray(0, this.#pageBytes));
    this.#page = undefined;
    this.#pageBytes = 0;
  }
}
