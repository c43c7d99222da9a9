import { FieldBlock } from "./field-block.ts";

/** Digits of a chunk's size: 4 GiB, more than anybody writes in one. */
const MAX_SIZE_DIGITS = 8;

/** Longest extension of one chunk, and all extensions of one body, bytes. */
const MAX_EXTENSION_BYTES = 256;
const MAX_EXTENSIONS_BYTES = 16 * 1024;

type Place = "size" | "extension" | "size-lf" | "bytes" | "cr" | "lf" | "trailers" | "over" | "refused";

/**
 * Takes the chunked coding off a body (RFC 9112 section 7.1). Sizes are hexadecimal digits and nothing else, lines end in CRLF;
 * extensions are checked and dropped, trailers likewise.
 */
export class ChunkedBody {
  readonly #trailers = new FieldBlock("trailers");
  #place: Place = "over";
  #digits = 0;
  /** Of the chunk under way: its size while that is read, then what is still to come. */
  #remaining = 0;
  #extension = "";
  #extensionsBytes = 0;
  /** Where the bytes of the body are in the piece that is being read. */
  #foundFrom = 0;
  #foundTo = 0;
  fault = "";

  /** A body begins. */
  begin(): void {
    this.#trailers.begin();
    this.#place = "size";
    this.#digits = 0;
    this.#remaining = 0;
    this.#extensionsBytes = 0;
  }

  get over(): boolean {
    return this.#place === "over";
  }

  /** Bytes of the body known to come next. */
  get remainingBytes(): number {
    return this.#place === "bytes" ? this.#remaining : 0;
  }

  /**
   * Reads `piece[at … stop)` and gives one view of all the body's bytes in it to `emit`, pushed together in the piece itself: how many
   * chunks they came in is the upstream's choice, and every one would cost whoever reads on. Returns where it left off: at `stop`,
   * or behind the body when that is `over`; -1 where the coding is broken, with the `fault`.
   */
  read(piece: Buffer, from: number, stop: number, emit: (bytes: Uint8Array) => void): number {
    this.#foundFrom = this.#foundTo = from;
    const next = this.#scan(piece, from, stop);
    if (this.#foundTo > this.#foundFrom) emit(piece.subarray(this.#foundFrom, this.#foundTo));
    return next;
  }

  #scan(piece: Buffer, from: number, stop: number): number {
    let at = from;
    while (at < stop) {
      switch (this.#place) {
        case "bytes": {
          const until = Math.min(stop, at + this.#remaining);
          this.#remaining -= until - at;
          if (this.#remaining === 0) this.#place = "cr";
          this.#found(piece, at, until);
          at = until;
          break;
        }
        case "trailers": {
          const progress = this.#trailers.read(piece, at, stop);
          if (progress === "more") return stop;
          if (progress === "refused") return this.#refuse(this.#trailers.scanner.fault);
          return this.#endOf(this.#trailers);
        }
        case "over":
        case "refused":
          return at;
        default:
          if (!this.#step(piece[at] ?? 0)) return -1;
          at += 1;
      }
    }
    return at;
  }

  #found(piece: Buffer, at: number, until: number): void {
    const isFirst = this.#foundTo === this.#foundFrom;
    if (isFirst) this.#foundFrom = at;
    else piece.copyWithin(this.#foundTo, at, until);
    this.#foundTo = isFirst ? until : this.#foundTo + until - at;
  }

  /** One byte between the bytes of chunks. */
  #step(byte: number): boolean {
    switch (this.#place) {
      case "size":
        return this.#sizeByte(byte);
      case "extension":
        return this.#extensionByte(byte);
      case "size-lf":
        return this.#expect(byte, LF, this.#remaining === 0 ? "trailers" : "bytes");
      case "cr":
        return this.#expect(byte, CR, "lf");
      default:
        this.#digits = 0;
        return this.#expect(byte, LF, "size");
    }
  }

  #sizeByte(byte: number): boolean {
    const digit = HEX[byte] ?? NO_DIGIT;
    if (digit !== NO_DIGIT) {
      this.#digits += 1;
      this.#remaining = this.#remaining * 16 + digit;
      return this.#digits <= MAX_SIZE_DIGITS || this.#refuse("chunk too large") > 0;
    }
    if (this.#digits === 0 || (byte !== CR && byte !== SEMICOLON)) return this.#refuse("illegal chunk size") > 0;
    this.#extension = ";";
    this.#place = byte === CR ? "size-lf" : "extension";
    return true;
  }

  #extensionByte(byte: number): boolean {
    if (byte === CR) {
      this.#place = "size-lf";
      return EXTENSIONS.test(this.#extension) || this.#refuse("illegal chunk extension") > 0;
    }
    this.#extension += String.fromCharCode(byte);
    this.#extensionsBytes += 1;
    const isTooLong = this.#extension.length > MAX_EXTENSION_BYTES || this.#extensionsBytes > MAX_EXTENSIONS_BYTES;
    return !isTooLong || this.#refuse("chunk extensions too long") > 0;
  }

  #expect(byte: number, expected: number, next: Place): boolean {
    if (byte !== expected) return this.#refuse("chunk not ended by CRLF") > 0;
    this.#place = next;
    return true;
  }

  // a length or coding behind the body would be about the body, a connection option about what follows: nobody should have to guess
  #endOf({ scanner, text, next }: FieldBlock): number {
    for (let mark = 0; mark < scanner.fieldCount * 4; mark += 4) {
      const name = text.slice(scanner.marks[mark], scanner.marks[mark + 1]).toLowerCase();
      if (UNTIMELY.has(name)) return this.#refuse(`${name} in trailers`);
    }
    this.#place = "over";
    return next;
  }

  #refuse(fault: string): number {
    this.#place = "refused";
    this.fault = fault;
    return -1;
  }
}

const LF = 0x0a;
const CR = 0x0d;
const SEMICOLON = 0x3b;

/** Decided in the head, or not at all (RFC 9110 section 6.5.1). */
const UNTIMELY: ReadonlySet<string> = new Set(["connection", "content-length", "proxy-connection", "transfer-encoding"]);

// token [ "=" ( token / quoted text without escapes ) ], any number
const EXTENSIONS =
  /^(?:;[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]*"))?)+$/;

const NO_DIGIT = 255;

const HEX = hexDigits();

function hexDigits(): Uint8Array {
  const digits = new Uint8Array(256).fill(NO_DIGIT);
  for (let value = 0; value < 16; value += 1) {
    const written = value.toString(16);
    digits[written.charCodeAt(0)] = value;
    digits[written.toUpperCase().charCodeAt(0)] = value;
  }
  return digits;
}
