import type { MessageShape } from "./wire-shape.ts";

/**
 * Whether bytes are one well-formed protobuf message: every tag, length and number complete, every message inside the
 * one around it, no groups, at most 65,536 fields in all.
 *
 * Generated decoders are lenient where it matters here: they stop at a zero byte and ignore what follows, let an inner
 * message run over the end of the outer one, and skip a message field that has another wire type. Each of these can
 * hide a denial behind an allowance. The bound on fields bounds the objects that decoding makes.
 */
export function isWellFormedMessage(bytes: Uint8Array, shape: MessageShape): boolean {
  return new Walk(bytes).message(bytes.length, shape);
}

class Walk {
  readonly #bytes: Uint8Array;
  #at = 0;
  #fieldsLeft = 65_536;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Recursion follows the shape, which is a few levels deep. */
  message(end: number, shape: MessageShape): boolean {
    while (this.#at < end) {
      this.#fieldsLeft -= 1;
      const tag = this.#varint(end, MAX_UINT32);
      if (tag === undefined || tag < 8 || this.#fieldsLeft < 0) return false;
      const inner = shape.get(Math.floor(tag / 8));
      if (!this.#value(tag % 8, end, inner)) return false;
    }
    return true;
  }

  #value(wireType: number, end: number, inner: MessageShape | undefined): boolean {
    if (wireType === 2) return this.#delimited(end, inner);
    if (inner !== undefined) return false;
    switch (wireType) {
      case 0:
        return this.#varint(end, Number.POSITIVE_INFINITY) !== undefined;
      case 1:
        return this.#skip(8, end);
      case 5:
        return this.#skip(4, end);
      default:
        return false;
    }
  }

  #delimited(end: number, inner: MessageShape | undefined): boolean {
    const length = this.#varint(end, MAX_UINT32);
    if (length === undefined) return false;
    const innerEnd = this.#at + length;
    if (innerEnd > end) return false;
    return inner === undefined ? this.#skip(length, end) : this.message(innerEnd, inner);
  }

  #skip(length: number, end: number): boolean {
    this.#at += length;
    return this.#at <= end;
  }

  /** A varint of at most ten bytes; undefined when it is incomplete or exceeds the bound. Exact up to 2^53. */
  #varint(end: number, max: number): number | undefined {
    let value = 0;
    let unit = 1;
    for (let count = 0; count < 10 && this.#at < end; count += 1) {
      const byte = this.#bytes[this.#at] ?? 0;
      this.#at += 1;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value <= max ? value : undefined;
      unit *= 128;
    }
    return undefined;
  }
}

const MAX_UINT32 = 0xffff_ffff;
