import { FieldScanner, type BlockKind, type FieldLimits, type ScanProgress } from "./field-scanner.ts";

/** Ceilings on one message's blocks together. */
export interface BlockLimits extends FieldLimits {
  /** Largest head, interim ones before it included; largest trailer section. Bytes. */
  readonly maxBlockBytes: number;
}

/** Where nobody says otherwise. */
export const USUAL_BLOCK: BlockLimits = { maxFields: 200, maxNameBytes: 256, maxBlockBytes: 64 * 1024 };

/** Kept between messages, bytes. */
const KEPT_BYTES = 4 * 1024;

/** A head, or trailers, collected as they come in pieces. In one piece, as is usual, nothing is copied but its text. */
export class FieldBlock {
  readonly scanner: FieldScanner;
  /** Refused for its size. */
  isTooLarge = false;
  readonly #maxBytes: number;
  /** Where reading left off in the piece last given, once complete. */
  next = 0;
  /** The whole block, a character a byte, once complete. */
  text = "";
  #kept: Buffer = NOTHING;
  #keptBytes = 0;
  /** Of blocks already read that count against the same maximum. */
  #spentBytes = 0;

  constructor(kind: BlockKind, limits: BlockLimits = USUAL_BLOCK) {
    this.scanner = new FieldScanner(kind, limits);
    this.#maxBytes = limits.maxBlockBytes;
  }

  /** A message begins. */
  begin(): void {
    this.scanner.begin();
    this.#keptBytes = 0;
    this.#spentBytes = 0;
    this.isTooLarge = false;
    if (this.#kept.byteLength > KEPT_BYTES) this.#kept = NOTHING;
  }

  /** Another head of the same message begins: this one was interim. */
  beginAgain(): void {
    this.#spentBytes += this.scanner.end;
    this.scanner.begin();
    this.#keptBytes = 0;
  }

  /** Reads `piece[at … stop)`. */
  read(piece: Buffer, at: number, stop: number): ScanProgress {
    const before = this.#keptBytes;
    if (before > 0) this.#keep(piece, at, stop);
    const bytes = before > 0 ? this.#kept : piece;
    const start = before > 0 ? 0 : at;
    const progress = this.scanner.scan(bytes, start, before > 0 ? this.#keptBytes : stop);
    if (progress === "refused") return progress;
    const blockBytes = progress === "complete" ? this.scanner.end : before + stop - at;
    if (this.#spentBytes + blockBytes > this.#maxBytes) {
      this.isTooLarge = true;
      this.scanner.fault = `head larger than ${this.#maxBytes} bytes`;
      return "refused";
    }
    if (progress === "complete") {
      this.text = bytes.toString("latin1", start, start + blockBytes);
      this.next = at + blockBytes - before;
    } else if (before === 0) this.#keep(piece, at, stop);
    return progress;
  }

  // doubles, so that pieces of one byte cost no more than linear time; bounded by one maximum and one piece
  #keep(piece: Buffer, at: number, stop: number): void {
    const needed = this.#keptBytes + stop - at;
    if (needed > this.#kept.byteLength) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#kept.byteLength * 2, 1024));
      this.#kept.copy(larger, 0, 0, this.#keptBytes);
      this.#kept = larger;
    }
    piece.copy(this.#kept, this.#keptBytes, at, stop);
    this.#keptBytes = needed;
  }
}

const NOTHING = Buffer.alloc(0);
