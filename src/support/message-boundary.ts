/** Bytes in front of each message: flags, and the length. */
const PREFIX_BYTES = 5;

/** Follows a body of length-prefixed messages, those of gRPC and Connect, and knows whether one has just ended. Holds nothing of it. */
export class MessageBoundary {
  /** Of the prefix under way, and what of it says the length. */
  #prefixBytes = 0;
  #length = 0;
  /** Of the message under way. */
  #leftBytes = 0;

  /** Whether what came so far is a number of whole messages. */
  get isHere(): boolean {
    return this.#leftBytes === 0 && this.#prefixBytes === 0;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.byteLength) {
      if (this.#leftBytes > 0) {
        const taken = Math.min(this.#leftBytes, chunk.byteLength - at);
        this.#leftBytes -= taken;
        at += taken;
        continue;
      }
      this.#pushPrefix(chunk[at] ?? 0);
      at += 1;
    }
  }

  #pushPrefix(byte: number): void {
    if (this.#prefixBytes > 0) this.#length = this.#length * 256 + byte;
    this.#prefixBytes += 1;
    if (this.#prefixBytes < PREFIX_BYTES) return;
    this.#leftBytes = this.#length;
    this.#prefixBytes = 0;
    this.#length = 0;
  }
}
