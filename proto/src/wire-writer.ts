/**
 * Writes one small protobuf message. The generated encoders are for everything; this is for what is written thousands of times a second,
 * in one piece of memory. Fields with the value proto3 takes for granted are the caller's to leave out.
 */
export class WireWriter {
  #bytes = Buffer.allocUnsafe(512);
  #at = 0;

  /** What was written. The writer is not to be used again. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A number of 32 bits, unsigned; throws a RangeError on others. The field's number is below 16, here and below. */
  number(field: number, value: number): void {
    if (value >>> 0 !== value) throw new RangeError(`${value} is no number of 32 bits`);
    this.#reserve(6);
    this.#byte(field << 3);
    this.#varint(value);
  }

  /** A text; half a surrogate pair becomes U+FFFD. */
  text(field: number, value: string): void {
    const most = 3 * value.length;
    const bytes = most < 0x80 ? most : Buffer.byteLength(value);
    this.#reserve(6 + bytes);
    this.#byte((field << 3) | DELIMITED);
    if (most < 0x80) {
      const written = this.#bytes.write(value, this.#at + 1);
      this.#byte(written);
      this.#at += written;
      return;
    }
    this.#varint(bytes);
    this.#at += this.#bytes.write(value, this.#at);
  }

  /** A message inside: `write` writes its fields. */
  message(field: number, write: () => void): void {
    this.#reserve(2);
    this.#byte((field << 3) | DELIMITED);
    const start = this.#at + 1;
    this.#at = start;
    write();
    const bytes = this.#at - start;
    const extra = varintBytes(bytes) - 1;
    if (extra > 0) {
      this.#reserve(extra);
      this.#bytes.copyWithin(start + extra, start, this.#at);
    }
    this.#at = start - 1;
    this.#varint(bytes);
    this.#at += bytes;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#at + bytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }

  #byte(byte: number): void {
    this.#bytes[this.#at] = byte;
    this.#at += 1;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.#byte(rest);
  }
}

const DELIMITED = 2;

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) count += 1;
  return count;
}
