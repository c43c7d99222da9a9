/** Why a body is no sequence of gRPC messages. */
export type MessageFault =
  | { readonly kind: "too-large"; readonly bytes: number }
  /** We never offered a coding. */
  | { readonly kind: "compressed" }
  | { readonly kind: "cut-short" };

/** Flag and length in front of each message. */
const PREFIX_BYTES = 5;

/** Cuts a stream's bytes into length-prefixed messages, each of bounded size. Holds at most one unfinished message. */
export class MessageReader {
  readonly #maxBytes: number;
  readonly #onMessage: (message: Buffer) => void;
  #parts: Buffer[] = [];
  #heldBytes = 0;
  #wantedBytes = PREFIX_BYTES;
  #isInside = false;

  constructor(maxBytes: number, onMessage: (message: Buffer) => void) {
    this.#maxBytes = maxBytes;
    this.#onMessage = onMessage;
  }

  /** Takes what came next. A message is a view on it where it came in one piece, to be used at once. After a fault nothing more is to be pushed. */
  push(bytes: Buffer): MessageFault | undefined {
    let rest = bytes;
    while (rest.length > 0) {
      const missing = this.#wantedBytes - this.#heldBytes;
      if (rest.length < missing) {
        // a copy: what waits for more must not hold on to everything that was read with it
        this.#parts.push(Buffer.from(rest));
        this.#heldBytes += rest.length;
        return undefined;
      }
      const piece = rest.subarray(0, missing);
      rest = rest.subarray(missing);
      const fault = this.#take(this.#heldBytes === 0 ? piece : Buffer.concat([...this.#parts, piece]));
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  /** The stream is over. */
  finish(): MessageFault | undefined {
    return this.#heldBytes > 0 || this.#isInside ? { kind: "cut-short" } : undefined;
  }

  /** A whole prefix, or a whole message. */
  #take(whole: Buffer): MessageFault | undefined {
    this.#parts = [];
    this.#heldBytes = 0;
    if (this.#isInside) {
      this.#expectPrefix();
      this.#onMessage(whole);
      return undefined;
    }
    const bytes = whole.readUInt32BE(1);
    if (whole[0] !== 0) return { kind: "compressed" };
    if (bytes > this.#maxBytes) return { kind: "too-large", bytes };
    this.#isInside = bytes > 0;
    if (this.#isInside) this.#wantedBytes = bytes;
    else this.#onMessage(EMPTY);
    return undefined;
  }

  #expectPrefix(): void {
    this.#isInside = false;
    this.#wantedBytes = PREFIX_BYTES;
  }
}

const EMPTY = Buffer.alloc(0);

/** A message with its prefix, never compressed. */
export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + message.byteLength);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.byteLength, 1);
  bytes.set(message, PREFIX_BYTES);
  return bytes;
}
