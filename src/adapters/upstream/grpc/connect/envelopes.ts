import { ChunkPile } from "../../../../support/chunk-pile.ts";

/** Bytes in front of a message: flags, and its length. */
const PREFIX_BYTES = 5;

/** One message of a stream, or its end. */
export interface Envelope {
  readonly flags: number;
  readonly bytes: Uint8Array;
}

/** A message in its envelope. */
export function enveloped(flags: number, bytes: Uint8Array): Uint8Array {
  const envelope = Buffer.alloc(PREFIX_BYTES + bytes.byteLength);
  envelope[0] = flags;
  envelope.writeUInt32BE(bytes.byteLength, 1);
  envelope.set(bytes, PREFIX_BYTES);
  return envelope;
}

/** Cuts a stream into envelopes. Holds at most one that is not whole, however small the pieces it comes in: it is joined once. */
export class EnvelopeCutter {
  readonly #maxBytes: number;
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  #prefixBytes = 0;
  /** Of the message behind the prefix. */
  #missingBytes = 0;
  #pile = new ChunkPile();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether nothing is left that is no whole envelope. */
  get isWhole(): boolean {
    return this.#prefixBytes === 0;
  }

  /** The envelopes that are whole now; undefined where one is larger than it may be. */
  push(chunk: Uint8Array): readonly Envelope[] | undefined {
    const envelopes: Envelope[] = [];
    let at = 0;
    while (at < chunk.byteLength) {
      at += this.#readPrefix(chunk.subarray(at));
      if (this.#prefixBytes < PREFIX_BYTES) break;
      if (this.#missingBytes > this.#maxBytes) return undefined;
      const part = chunk.subarray(at, at + this.#missingBytes);
      at += part.byteLength;
      this.#missingBytes -= part.byteLength;
      this.#pile.push(part);
      if (this.#missingBytes === 0) envelopes.push(this.#whole());
    }
    return envelopes;
  }

  /** How many bytes it took. */
  #readPrefix(chunk: Uint8Array): number {
    if (this.#prefixBytes === PREFIX_BYTES) return 0;
    const part = chunk.subarray(0, PREFIX_BYTES - this.#prefixBytes);
    this.#prefix.set(part, this.#prefixBytes);
    this.#prefixBytes += part.byteLength;
    if (this.#prefixBytes === PREFIX_BYTES) this.#missingBytes = this.#prefix.readUInt32BE(1);
    return part.byteLength;
  }

  #whole(): Envelope {
    const bytes = this.#pile.whole();
    this.#pile = new ChunkPile();
    this.#prefixBytes = 0;
    return { flags: this.#prefix[0] ?? 0, bytes };
  }
}
