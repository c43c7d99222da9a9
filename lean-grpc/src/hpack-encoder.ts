import { DynamicTable, STATIC_TABLE, type Field } from "./hpack-table.ts";

/** Table size before the peer said otherwise, and the most we use. */
const MAX_TABLE_BYTES = 4096;

/**
 * Writes header blocks (RFC 7541) for requests that are alike: what stays the same goes into the table once and is then a byte or two.
 * Never Huffman-coded: these bytes are few. Fields are text with one character a byte.
 */
export class HpackEncoder {
  readonly #table = new DynamicTable(MAX_TABLE_BYTES);
  /** The block of the last fixed part, for as long as the table has not moved under it. */
  #lastFixed: readonly Field[] | undefined;
  #lastBlock: Buffer | undefined;
  /** Sizes to be told with the next block, smallest first. */
  #resizes: number[] = [];

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  resize(bytes: number): void {
    const size = Math.min(bytes, MAX_TABLE_BYTES);
    if (size === this.#table.maxBytes && this.#resizes.length === 0) return;
    this.#table.resize(size);
    const smallest = Math.min(size, ...this.#resizes);
    this.#resizes = smallest === size ? [size] : [smallest, size];
    this.#lastBlock = undefined;
  }

  /** A block of fixed fields, which are remembered and compared by identity, and of fields that are another each time. */
  encode(fixed: readonly Field[], changing: readonly Field[]): Buffer {
    const head = this.#fixedBlock(fixed);
    if (changing.length === 0) return head;
    // in one piece: every call has some
    let most = head.length;
    for (const [name, value] of changing) most += MOST_AROUND_FIELD + name.length + value.length;
    const block = Buffer.allocUnsafe(most);
    let at = head.copy(block);
    for (const [name, value] of changing) {
      const index = this.#nameIndex(name);
      at =
        index > 0
          ? putInteger(block, { at, pattern: 0x00, prefixBits: 4 }, index)
          : putText(block, block.writeUInt8(0, at), name);
      at = putText(block, at, value);
    }
    return block.subarray(0, at);
  }

  #fixedBlock(fixed: readonly Field[]): Buffer {
    if (this.#lastFixed === fixed && this.#lastBlock !== undefined) return this.#lastBlock;
    const parts = this.#resizes.map((bytes) => integer(0x20, 5, bytes));
    let hasMoved = parts.length > 0;
    this.#resizes = [];
    for (const field of fixed) {
      const index = STATIC_INDEX.get(field.join("\0")) ?? this.#table.indexOf(...field);
      if (index > 0) {
        parts.push(integer(0x80, 7, index));
        continue;
      }
      parts.push(literal(0x40, 6, this.#nameIndex(field[0]), field));
      this.#table.add(field);
      hasMoved = true;
    }
    const block = Buffer.concat(parts);
    this.#lastFixed = fixed;
    // one that adds entries means something else the second time
    this.#lastBlock = hasMoved ? undefined : block;
    return block;
  }

  #nameIndex(name: string): number {
    return STATIC_NAMES.get(name) ?? 0;
  }
}

const STATIC_INDEX = new Map(STATIC_TABLE.map((field, index) => [field.join("\0"), index + 1]));

const STATIC_NAMES = new Map(STATIC_TABLE.map(([name], index) => [name, index + 1] as const).toReversed());

function literal(pattern: number, prefixBits: number, nameIndex: number, [name, value]: Field): Buffer {
  const head = integer(pattern, prefixBits, nameIndex);
  return Buffer.concat(nameIndex > 0 ? [head, text(value)] : [head, text(name), text(value)]);
}

/** Bytes a literal takes besides its text, at most: lengths and an index of up to 32 bits each. */
const MOST_AROUND_FIELD = 12;

/** Writes a text behind its length; gives the place behind it. */
function putText(block: Buffer, at: number, value: string): number {
  const begin = putInteger(block, { at, pattern: 0x00, prefixBits: 7 }, value.length);
  return begin + block.write(value, begin, "latin1");
}

/** As `integer`, into a block; gives the place behind it. */
function putInteger(
  block: Buffer,
  { at, pattern, prefixBits }: { readonly at: number; readonly pattern: number; readonly prefixBits: number },
  value: number,
): number {
  const most = 2 ** prefixBits - 1;
  if (value < most) return block.writeUInt8(pattern | value, at);
  return at + integer(pattern, prefixBits, value).copy(block, at);
}

const text = (value: string): Buffer => Buffer.concat([integer(0x00, 7, value.length), Buffer.from(value, "latin1")]);

/** RFC 7541 section 5.1, behind the bits of a pattern. */
function integer(pattern: number, prefixBits: number, value: number): Buffer {
  const most = 2 ** prefixBits - 1;
  if (value < most) return Buffer.of(pattern | value);
  const bytes = [pattern | most];
  let rest = value - most;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}
