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

/** Cuts a stream into envelopes. Holds at most one that is not whole. */
export class EnvelopeCutter {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #held = 0;
  /** What has to be there before it is worth looking again. */
  #wanted = PREFIX_BYTES;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether nothing is left that is no whole envelope. */
  get isWhole(): boolean {
    return this.#held === 0;
  }

  /** The envelopes that are whole now; undefined where one is larger than it may be. */
  push(chunk: Uint8Array): readonly Envelope[] | undefined {
    this.#parts.push(chunk);
    this.#held += chunk.byteLength;
    if (this.#held < this.#wanted) return [];
    let rest: Buffer = Buffer.concat(this.#parts);
    const envelopes: Envelope[] = [];
    this.#wanted = PREFIX_BYTES;
    while (rest.length >= PREFIX_BYTES) {
      const bytes = rest.readUInt32BE(1);
      if (bytes > this.#maxBytes) return undefined;
      this.#wanted = PREFIX_BYTES + bytes;
      if (rest.length < this.#wanted) break;
      envelopes.push({ flags: rest[0] ?? 0, bytes: rest.subarray(PREFIX_BYTES, this.#wanted) });
      rest = rest.subarray(this.#wanted);
      this.#wanted = PREFIX_BYTES;
    }
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
    return envelopes;
  }
}
