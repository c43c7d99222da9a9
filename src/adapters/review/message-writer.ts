/** Length of the buffer a writer starts with, and goes back to after a large message. */
const START_BYTES = 8 * 1024;

/** A buffer that grew beyond this is not kept for the next message. */
const KEEP_BYTES = 256 * 1024;

/** Longer texts are counted before they are given room. UTF-16 units. */
const COUNTED_UNITS = 4 * 1024;

/** Texts up to this length are written unit by unit. */
const LOOPED_UNITS = 24;

/** Of numbers up to 2^53. */
const MAX_VARINT_BYTES = 8;

const VARINT = 0;
const LENGTH_DELIMITED = 2;

/**
 * Writes one protobuf message after the other into a buffer it keeps. Fields that hold their default are written when asked for:
 * leaving them out is the caller's decision.
 */
export class MessageWriter {
  #buffer = Buffer.allocUnsafe(START_BYTES);
  #at = 0;

  /** A number that is whole and not negative, up to 2^53. */
  number(field: number, value: number): void {
    this.#tag(field, VARINT);
    this.#varint(value);
  }

  /** A lone surrogate becomes U+FFFD. */
  string(field: number, text: string): void {
    this.#tag(field, LENGTH_DELIMITED);
    const { length } = text;
    // three bytes at most for each unit; what is long is counted first
    this.#reserve((length <= COUNTED_UNITS ? length * 3 : Buffer.byteLength(text)) + MAX_VARINT_BYTES);
    // mostly ASCII: as many bytes as units, which tells how many the length will take
    const guessed = varintBytes(length);
    const start = this.#at + guessed;
    const bytes = this.#text(text, start);
    const needed = varintBytes(bytes);
    if (needed !== guessed) this.#buffer.copyWithin(this.#at + needed, start, start + bytes);
    this.#varint(bytes);
    this.#at += bytes;
  }

  bytes(field: number, value: Uint8Array): void {
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(value.byteLength);
    this.raw(value);
  }

  /** Fields that were encoded before. */
  raw(encoded: Uint8Array): void {
    this.#reserve(encoded.byteLength);
    this.#buffer.set(encoded, this.#at);
    this.#at += encoded.byteLength;
  }

  /** Begins a message inside; what is written until `close` of the mark belongs to it. `atLeast`: bytes it is known to have. */
  open(field: number, atLeast = 0): Mark {
    this.#tag(field, LENGTH_DELIMITED);
    const lengthBytes = varintBytes(atLeast);
    this.#reserve(lengthBytes);
    this.#at += lengthBytes;
    return { start: this.#at, lengthBytes };
  }

  close({ start, lengthBytes }: Mark): void {
    const length = this.#at - start;
    const needed = varintBytes(length);
    if (needed !== lengthBytes) {
      this.#reserve(needed);
      this.#buffer.copyWithin(start - lengthBytes + needed, start, this.#at);
    }
    const end = start - lengthBytes + needed + length;
    this.#at = start - lengthBytes;
    this.#varint(length);
    this.#at = end;
  }

  /** The message, in bytes of its own. The writer is empty afterwards. */
  finish(): Buffer {
    const message = Buffer.from(this.#buffer.subarray(0, this.#at));
    this.#at = 0;
    if (this.#buffer.length > KEEP_BYTES) this.#buffer = Buffer.allocUnsafe(START_BYTES);
    return message;
  }

  /** Forgets what a message that was never finished left behind: it was about another exchange. */
  reset(): void {
    this.#at = 0;
  }

  /** Writes a text where there is room for it; how many bytes it took. */
  #text(text: string, start: number): number {
    const { length } = text;
    if (length > LOOPED_UNITS) return this.#buffer.write(text, start);
    // the way into native code and back costs as much as this many turns
    for (let i = 0; i < length; i += 1) {
      const unit = text.charCodeAt(i);
      if (unit >= 128) return this.#buffer.write(text, start);
      this.#buffer[start + i] = unit;
    }
    return length;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    this.#reserve(MAX_VARINT_BYTES);
    let rest = value;
    while (rest >= 128) {
      this.#buffer[this.#at] = (rest % 128) + 128;
      this.#at += 1;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#at] = rest;
    this.#at += 1;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
  }
}

/** Where a message inside begins, and how many bytes were left for its length. */
export interface Mark {
  readonly start: number;
  readonly lengthBytes: number;
}

function varintBytes(value: number): number {
  if (value < 128) return 1;
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
