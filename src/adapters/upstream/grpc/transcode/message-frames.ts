/** A message of a gRPC body, in its frame. */
export function framed(message: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(5 + message.byteLength);
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, 5);
  return frame;
}

/** Cuts a gRPC body into messages. Holds at most one that is not whole. */
export class MessageCutter {
  readonly #maxBytes: number;
  #held: Buffer = Buffer.alloc(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether nothing is left that is no whole message. */
  get isWhole(): boolean {
    return this.#held.length === 0;
  }

  /** The messages that are whole now; undefined where one is compressed, or larger than it may be. */
  push(chunk: Uint8Array): readonly Uint8Array[] | undefined {
    this.#held = this.#held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#held, chunk]);
    const messages: Uint8Array[] = [];
    while (this.#held.length >= 5) {
      const bytes = this.#held.readUInt32BE(1);
      if (this.#held[0] !== 0 || bytes > this.#maxBytes) return undefined;
      if (this.#held.length < 5 + bytes) break;
      messages.push(this.#held.subarray(5, 5 + bytes));
      this.#held = this.#held.subarray(5 + bytes);
    }
    return messages;
  }
}
