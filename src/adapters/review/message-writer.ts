/** Length of the buffer a writer starts with, and goes back to after a large message. */
const START_BYTES = 8 * 1024;

/** A buffer that grew beyond this is not kept for the next message. */
const KEEP_BYTES = 256 * 1024;

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
    // three bytes at most for each unit; a length below 128 has one byte
    const isShort = text.length * 3 < 128;
    const bytes = isShort ? text.length * 3 : Buffer.byteLength(text);
    this.#reserve(bytes + 10);
    if (!isShort) {
      this.#varint(bytes);
      this.#at += this.#buffer.write(text, this.#at);
      return;
    }
    const written = this.#buffer.write(text, this.#at + 1);
    this.#buffer[this.#at] = written;
    this.#at += written + 1;
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

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    this.#reserve(8);
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
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
