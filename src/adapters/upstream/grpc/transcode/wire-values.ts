import { fromBinary, ScalarType, type DescField, type DescMessage, type Registry } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { AnySchema } from "@bufbuild/protobuf/wkt";

/** Nesting of a message beyond this is refused. */
const MAX_DEPTH = 100;

/** What values of a message are counted by. */
export interface CountTerms {
  readonly max: number;
  /** For messages within `Any`. */
  readonly registry: Registry;
}

/**
 * How many values an encoded message has: fields, and elements of lists that are written as one; it stops above `max`. Undefined: it is no
 * such message. It is asked before anything is made of the bytes, since 4 MiB of empty messages take two seconds to read and show.
 */
export function wireValues(bytes: Uint8Array, type: DescMessage, terms: CountTerms): number | undefined {
  // there are never more than bytes
  if (bytes.byteLength <= terms.max) return 0;
  const walk = new Walk(terms);
  try {
    walk.whole(bytes, type, 1);
    return walk.values;
  } catch {
    return undefined;
  }
}

/** A message that ends where its group does. */
const GROUP_END = Number.POSITIVE_INFINITY;

/** Where a message ends, and how deep it is in others. */
interface Extent {
  readonly end: number;
  readonly depth: number;
}

/** Throws on what is not as the types say: a reader might go on elsewhere, and find other values. */
class Walk {
  values = 0;
  readonly #terms: CountTerms;

  constructor(terms: CountTerms) {
    this.#terms = terms;
  }

  whole(bytes: Uint8Array, type: DescMessage, depth: number): void {
    this.#message(new BinaryReader(bytes), type, { end: bytes.byteLength, depth });
    if (type.typeName !== AnySchema.typeName || this.values > this.#terms.max) return;
    const { typeUrl, value } = fromBinary(AnySchema, bytes);
    const inner = this.#terms.registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
    if (inner !== undefined) this.whole(value, inner, depth + 1);
  }

  #message(reader: BinaryReader, type: DescMessage, { end, depth }: Extent): void {
    if (depth > MAX_DEPTH) throw new Error("too deep");
    while (reader.pos < end && this.values <= this.#terms.max) {
      const [no, wireType] = reader.tag();
      if (end === GROUP_END && wireType === WireType.EndGroup) return;
      this.values += 1;
      const field = type.fields.find(({ number }) => number === no);
      if (field === undefined) reader.skip(wireType, no);
      else if (field.fieldKind === "map") this.#entry(reader, field, depth);
      else if (field.message !== undefined) this.#inner(reader, field.message, { wireType, depth });
      else this.#plain(reader, field, wireType);
    }
    if (reader.pos > end) throw new Error("a field goes beyond its message");
  }

  #inner(
    reader: BinaryReader,
    type: DescMessage,
    { wireType, depth }: { readonly wireType: WireType; readonly depth: number },
  ): void {
    const isGroup = wireType === WireType.StartGroup;
    if (!isGroup && wireType !== WireType.LengthDelimited) throw new Error("a message of another kind");
    if (type.typeName === AnySchema.typeName && !isGroup) return this.whole(reader.bytes(), type, depth + 1);
    this.#message(reader, type, { end: isGroup ? GROUP_END : endOf(reader), depth: depth + 1 });
  }

  #entry(reader: BinaryReader, field: DescField & { readonly fieldKind: "map" }, depth: number): void {
    const end = endOf(reader);
    while (reader.pos < end && this.values <= this.#terms.max) {
      const [no, wireType] = reader.tag();
      this.values += 1;
      if (no === 2 && field.message !== undefined) this.#inner(reader, field.message, { wireType, depth });
      else if (no === 1 || no === 2) readAs(reader, no === 1 ? field.mapKey : field.scalar, wireType);
      else reader.skip(wireType, no);
    }
  }

  #plain(reader: BinaryReader, field: DescField, wireType: WireType): void {
    const { scalar } = field;
    const isPacked = field.fieldKind === "list" && wireType === WireType.LengthDelimited && wireTypeOf(scalar) !== wireType;
    if (!isPacked) return readAs(reader, scalar, wireType);
    const end = endOf(reader);
    for (; reader.pos < end && this.values <= this.#terms.max; this.values += 1) reader.skip(wireTypeOf(scalar));
  }
}

function endOf(reader: BinaryReader): number {
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new Error("a length beyond the end");
  return end;
}

function readAs(reader: BinaryReader, scalar: ScalarType | undefined, wireType: WireType): void {
  if (wireType !== wireTypeOf(scalar)) throw new Error("a field of another kind");
  reader.skip(wireType);
}

/** Undefined stands for an enum. */
const wireTypeOf = (scalar: ScalarType | undefined): WireType => (scalar && WIRE_TYPES.get(scalar)) ?? WireType.Varint;

const WIRE_TYPES: ReadonlyMap<ScalarType, WireType> = new Map([
  [ScalarType.DOUBLE, WireType.Bit64],
  [ScalarType.FIXED64, WireType.Bit64],
  [ScalarType.SFIXED64, WireType.Bit64],
  [ScalarType.FLOAT, WireType.Bit32],
  [ScalarType.FIXED32, WireType.Bit32],
  [ScalarType.SFIXED32, WireType.Bit32],
  [ScalarType.STRING, WireType.LengthDelimited],
  [ScalarType.BYTES, WireType.LengthDelimited],
]);
