import { err, ok, type Result } from "../../../../model/result.ts";
import type { MessageRoom, UpstreamFailure } from "../../../../ports/upstream.ts";
import { ChunkPile } from "../../../../support/chunk-pile.ts";

/** In front of every message: whether it is compressed, and its length. */
const FRAME_BYTES = 5;

/** A message of a gRPC body, in its frame. */
export function framed(message: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(FRAME_BYTES + message.byteLength);
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, FRAME_BYTES);
  return frame;
}

/** What messages are cut within. */
export interface CutterTerms {
  /** Largest message. */
  readonly maxBytes: number;
  /** For the one that is not whole; undefined: nobody counts. */
  readonly room: MessageRoom | undefined;
}

/** Cuts a gRPC body into messages. Holds at most one that is not whole, as it came: it is joined once. */
export class MessageCutter {
  readonly #terms: CutterTerms;
  readonly #frame = Buffer.alloc(FRAME_BYTES);
  #frameBytes = 0;
  /** Of the message behind the frame. */
  #missingBytes = 0;
  #pile: ChunkPile | undefined;

  constructor(terms: CutterTerms) {
    this.#terms = terms;
  }

  /** Whether nothing is left that is no whole message. */
  get isWhole(): boolean {
    return this.#frameBytes === 0;
  }

  /** The messages that are whole now; a failure where one is compressed or larger than it may be, or where there is no room for it. */
  push(chunk: Uint8Array): Result<readonly Uint8Array[], UpstreamFailure> {
    const messages: Uint8Array[] = [];
    let at = 0;
    while (at < chunk.byteLength) {
      at += this.#readFrame(chunk.subarray(at));
      if (this.#frameBytes < FRAME_BYTES) break;
      if (this.#frame[0] !== 0 || this.#missingBytes > this.#terms.maxBytes) return err(NOT_TAKEN);
      const part = chunk.subarray(at, at + this.#missingBytes);
      at += part.byteLength;
      this.#missingBytes -= part.byteLength;
      if (this.#missingBytes === 0) messages.push(this.#whole(part));
      else if (!this.#hold(part)) return err(NO_ROOM);
    }
    return ok(messages);
  }

  /** How many bytes it took. */
  #readFrame(chunk: Uint8Array): number {
    if (this.#frameBytes === FRAME_BYTES) return 0;
    const part = chunk.subarray(0, FRAME_BYTES - this.#frameBytes);
    this.#frame.set(part, this.#frameBytes);
    this.#frameBytes += part.byteLength;
    if (this.#frameBytes === FRAME_BYTES) this.#missingBytes = this.#frame.readUInt32BE(1);
    return part.byteLength;
  }

  #hold(part: Uint8Array): boolean {
    this.#pile ??= new ChunkPile();
    this.#pile.push(part);
    return this.#terms.room?.reach(this.#pile.byteLength) !== false;
  }

  #whole(part: Uint8Array): Uint8Array {
    const pile = this.#pile;
    this.#pile = undefined;
    this.#frameBytes = 0;
    if (pile === undefined) return part;
    pile.push(part);
    this.#terms.room?.shrink(0);
    return pile.whole();
  }
}

const NOT_TAKEN: UpstreamFailure = {
  problem: "upstream_invalid_response",
  cause: "a message that is compressed or too large",
};

/** There is no room for more of an answer. */
export const NO_ROOM: UpstreamFailure = { problem: "gateway_overloaded", cause: "no room for a message" };
