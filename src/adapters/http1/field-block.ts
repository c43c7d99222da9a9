import { FieldScanner, type ScanProgress } from "./field-scanner.ts";

/** Largest head, interim ones before it included; largest trailer section. Bytes. */
const MAX_BLOCK_BYTES = 64 * 1024;

/** Kept between messages, bytes. */
const KEPT_BYTES = 4 * 1024;

/** A head, or trailers, collected as they come in pieces. In one piece, as is usual, nothing is copied but its text. */
export class FieldBlock {
  readonly scanner: FieldScanner;
  /** Where reading left off in the piece last given, once complete. */
  next = 0;
  /** The whole block, a character a byte, once complete. */
  text = "";
  #kept = Buffer.alloc(0);
  #keptBytes = 0;
  /** Of blocks already read that count against the same maximum. */
  #spentBytes = 0;

  constructor(kind: "response" | "trailers") {
    this.scanner = new FieldScanner(kind);
  }

  /** A message begins. */
  begin(): void {
    this.scanner.begin();
    this.#keptBytes = 0;
    this.#spentBytes = 0;
    if (this.#kept.byteLength > KEPT_BYTES) this.#kept = Buffer.alloc(0);
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
    if (this.#spentBytes + blockBytes > MAX_BLOCK_BYTES) {
      this.scanner.fault = `head larger than ${MAX_BLOCK_BYTES} bytes`;
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
