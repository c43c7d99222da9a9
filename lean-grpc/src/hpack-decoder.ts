import { H2_ERROR, Http2Violation } from "./frame.ts";
import { DynamicTable, fieldBytes, type Field } from "./hpack-table.ts";
import { huffmanDecode } from "./huffman.ts";

/** Blocks that are kept as they were read, while they mean the same on their own. */
const MAX_KNOWN_BLOCKS = 32;

/** Larger ones are hardly sent twice. */
const MAX_KNOWN_BYTES = 256;

/**
 * Reads header blocks (RFC 7541). With a table of 0 bytes, which is what we announce, a block means the same whenever it comes, so the
 * few that a service sends over and over are read once. Throws `Http2Violation` on whatever is no header block or exceeds a limit.
 */
export class HpackDecoder {
  readonly #table: DynamicTable;
  readonly #announcedBytes: number;
  readonly #maxListBytes: number;
  readonly #known = new Map<string, readonly Field[]>();

  constructor({ tableBytes, maxListBytes }: { readonly tableBytes: number; readonly maxListBytes: number }) {
    this.#table = new DynamicTable(tableBytes);
    this.#announcedBytes = tableBytes;
    this.#maxListBytes = maxListBytes;
  }

  /** The fields of one whole block, in order. */
  decode(block: Buffer): readonly Field[] {
    if (this.#table.maxBytes > 0 || block.length > MAX_KNOWN_BYTES) return this.#read(block);
    const text = block.toString("latin1");
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const fields = this.#read(block);
    if (this.#known.size >= MAX_KNOWN_BLOCKS) this.#known.clear();
    this.#known.set(text, fields);
    return fields;
  }

  #read(block: Buffer): readonly Field[] {
    const fields: Field[] = [];
    const cursor = new Cursor(block);
    let listBytes = 0;
    while (!cursor.done) {
      const field = this.#next(cursor, fields.length === 0);
      if (field === undefined) continue;
      listBytes += fieldBytes(field);
      if (listBytes > this.#maxListBytes) throw new Http2Violation(H2_ERROR.ENHANCE_YOUR_CALM, "a header list that is too long");
      fields.push(field);
    }
    return fields;
  }

  /** One representation; undefined for a change of the table's size. */
  #next(cursor: Cursor, isFirst: boolean): Field | undefined {
    const byte = cursor.peek();
    if ((byte & 0x80) !== 0) return this.#indexed(cursor.integer(7));
    if ((byte & 0xc0) === 0x40) {
      const field = this.#literal(cursor, 6);
      this.#table.add(field);
      return field;
    }
    if ((byte & 0xe0) === 0x20) {
      const bytes = cursor.integer(5);
      if (!isFirst || bytes > this.#announcedBytes)
        throw new Http2Violation(H2_ERROR.COMPRESSION_ERROR, "a table size that was not announced");
      this.#table.resize(bytes);
      return undefined;
    }
    // without indexing, and never indexed: the same to a reader
    return this.#literal(cursor, 4);
  }

  #literal(cursor: Cursor, prefixBits: number): Field {
    const index = cursor.integer(prefixBits);
    const name = index === 0 ? cursor.string() : this.#indexed(index)[0];
    return [name, cursor.string()];
  }

  #indexed(index: number): Field {
    const field = this.#table.at(index);
    if (field === undefined) throw new Http2Violation(H2_ERROR.COMPRESSION_ERROR, "an index of no entry");
    return field;
  }
}

/** Reads the primitives of RFC 7541 section 5. */
class Cursor {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  peek(): number {
    return this.#bytes[this.#offset] ?? this.#cutShort();
  }

  integer(prefixBits: number): number {
    const most = 2 ** prefixBits - 1;
    const start = this.#byte() & most;
    if (start < most) return start;
    let value = start;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) return value;
    }
    throw new Http2Violation(H2_ERROR.COMPRESSION_ERROR, "a number that is too large");
  }

  string(): string {
    const isHuffman = (this.peek() & 0x80) !== 0;
    const length = this.integer(7);
    const end = this.#offset + length;
    if (end > this.#bytes.length) this.#cutShort();
    const coded = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return isHuffman ? huffmanDecode(coded) : coded.toString("latin1");
  }

  #byte(): number {
    const byte = this.peek();
    this.#offset += 1;
    return byte;
  }

  #cutShort(): never {
    throw new Http2Violation(H2_ERROR.COMPRESSION_ERROR, "a header block that ends too early");
  }
}
