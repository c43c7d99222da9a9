import { BinaryReader } from "@bufbuild/protobuf/wire";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MessageWriter } from "../../../../src/adapters/review/message-writer.ts";

type Field =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "inside"; readonly value: readonly Field[]; readonly atLeast: number };

const field = fc.letrec<{ field: Field }>((tie) => ({
  field: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.maxSafeNat().map((value): Field => ({ kind: "number", value })),
    fc.string({ unit: "grapheme", maxLength: 300 }).map((value): Field => ({ kind: "string", value })),
    fc.nat({ max: 20_000 }).map((length): Field => ({ kind: "string", value: "é".repeat(length) })),
    fc.record({
      kind: fc.constant("inside" as const),
      value: fc.array(tie("field"), { maxLength: 4 }),
      atLeast: fc.nat({ max: 20_000 }),
    }),
  ),
})).field;

function write(writer: MessageWriter, fields: readonly Field[]): void {
  for (const { kind, ...rest } of fields) {
    if (kind === "number" && typeof rest.value === "number") writer.number(1, rest.value);
    if (kind === "string" && typeof rest.value === "string") writer.string(2, rest.value);
    if (kind === "inside" && Array.isArray(rest.value)) {
      const mark = writer.open(3, "atLeast" in rest ? rest.atLeast : 0);
      write(writer, rest.value);
      writer.close(mark);
    }
  }
}

function read(reader: BinaryReader, end: number): unknown[] {
  const fields: unknown[] = [];
  while (reader.pos < end) {
    const [number] = reader.tag();
    if (number === 1) fields.push(Number(reader.uint64()));
    if (number === 2) fields.push(reader.string());
    if (number === 3) {
      const length = reader.uint32();
      fields.push(read(reader, reader.pos + length));
    }
  }
  return fields;
}

const valuesOf = (fields: readonly Field[]): unknown[] =>
  fields.map((one) => (one.kind === "inside" ? valuesOf(one.value) : one.value));

describe("MessageWriter", () => {
  it("writes what a reader reads, however deep, and whatever was guessed of lengths", () => {
    const writer = new MessageWriter();
    fc.assert(
      fc.property(fc.array(field, { maxLength: 6 }), (fields) => {
        write(writer, fields);
        const bytes = writer.finish();
        expect(read(new BinaryReader(bytes), bytes.length)).toEqual(valuesOf(fields));
      }),
      { numRuns: 300 },
    );
  });

  it("gives each message bytes of its own", () => {
    const writer = new MessageWriter();
    writer.string(2, "first");
    const first = writer.finish();
    writer.string(2, "other");
    writer.finish();
    expect(read(new BinaryReader(first), first.length)).toEqual(["first"]);
  });
});
