import type { HeldBytes } from "./held-bytes.ts";

/** Why a body is no sequence of gRPC messages, or none that is taken. */
export type MessageFault =
  | { readonly kind: "too-large"; readonly bytes: number }
  /** Too much is held of messages that are not whole. */
  | { readonly kind: "no-room" }
  /** We never offered a coding. */
  | { readonly kind: "compressed" }
  | { readonly kind: "cut-short" };

/** Flag and length in front of each message. */
const PREFIX_BYTES = 5;

/** What a reader minds. */
export interface MessageLimits {
  readonly maxBytes: number;
  /** Shared with others. */
  readonly held: Pick<HeldBytes, "take" | "give">;
}

/** Cuts a stream's bytes into length-prefixed messages, each of bounded size. Holds at most one unfinished message, in memory of at most twice its bytes. */
export class MessageReader {
  readonly #limits: MessageLimits;
  readonly #onMessage: (message: Buffer) => void;
  /** What came of a prefix or message that is not whole, with room for more: pieces may be a byte each, and an object for each would outweigh them. */
  #held: Buffer = EMPTY;
  #heldBytes = 0;
  #wantedBytes = PREFIX_BYTES;
  #isInside = false;

  constructor(limits: MessageLimits, onMessage: (message: Buffer) => void) {
    this.#limits = limits;
    this.#onMessage = onMessage;
  }

  /** Takes what came next. A message is a view on it where it came in one piece, to be used at once. After a fault nothing more is to be pushed. */
  push(bytes: Buffer): MessageFault | undefined {
    let rest = bytes;
    while (rest.length > 0) {
      const missing = this.#wantedBytes - this.#heldBytes;
      if (rest.length < missing) return this.#keep(rest);
      const piece = rest.subarray(0, missing);
      rest = rest.subarray(missing);
      const fault = this.#take(this.#heldBytes === 0 ? piece : this.#joined(piece));
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  /** The stream is over. */
  finish(): MessageFault | undefined {
    return this.#heldBytes > 0 || this.#isInside ? { kind: "cut-short" } : undefined;
  }

  /** Nobody wants the rest. */
  discard(): void {
    if (this.#held.length === 0) return;
    this.#limits.held.give(this.#held.length);
    this.#held = EMPTY;
    this.#heldBytes = 0;
  }

  /** A copy: what waits for more must not hold on to everything that was read with it. */
  #keep(piece: Buffer): MessageFault | undefined {
    const bytes = this.#heldBytes + piece.length;
    if (bytes > this.#held.length) {
      // as what comes grows, not as the peer says it will: a claim costs nothing
      const size = Math.min(this.#wantedBytes, Math.max(bytes, 2 * this.#held.length));
      if (!this.#limits.held.take(size - this.#held.length)) return { kind: "no-room" };
      const roomier = Buffer.allocUnsafe(size);
      this.#held.copy(roomier, 0, 0, this.#heldBytes);
      this.#held = roomier;
    }
    piece.copy(this.#held, this.#heldBytes);
    this.#heldBytes = bytes;
    return undefined;
  }

  #joined(piece: Buffer): Buffer {
    const before = this.#held.subarray(0, this.#heldBytes);
    if (this.#held.length < this.#wantedBytes) return Buffer.concat([before, piece]);
    piece.copy(this.#held, this.#heldBytes);
    return this.#held.subarray(0, this.#wantedBytes);
  }

  /** A whole prefix, or a whole message. */
  #take(whole: Buffer): MessageFault | undefined {
    this.discard();
    if (this.#isInside) {
      this.#isInside = false;
      this.#wantedBytes = PREFIX_BYTES;
      this.#onMessage(whole);
      return undefined;
    }
    const bytes = whole.readUInt32BE(1);
    if (whole[0] !== 0) return { kind: "compressed" };
    if (bytes > this.#limits.maxBytes) return { kind: "too-large", bytes };
    this.#isInside = bytes > 0;
    if (this.#isInside) this.#wantedBytes = bytes;
    else this.#onMessage(EMPTY);
    return undefined;
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
