import { headerBlock, requestFields } from "../../support/raw-http2-client.ts";

/** Header blocks of requests on one connection, one after the other; what RFC 7541 says of the last of them. */
export interface PackedCase {
  readonly section: string;
  readonly name: string;
  readonly bytes: readonly Buffer[];
  readonly isLegal: boolean;
}

const letters = (value: string): readonly number[] => [...Buffer.from(value)];

const legal = (section: string, name: string, ...bytes: readonly Buffer[]): PackedCase => ({
  section,
  name,
  bytes,
  isLegal: true,
});
const broken = (section: string, name: string, ...bytes: readonly Buffer[]): PackedCase => ({
  section,
  name,
  bytes,
  isLegal: false,
});

/** Requests of that scheme. */
export function packedCases(scheme: "http" | "https"): readonly PackedCase[] {
  const get = headerBlock(requestFields().map(([name, value]) => [name, name === ":scheme" ? scheme : value]));
  const behind = (...bytes: readonly number[]): Buffer => Buffer.concat([get, Buffer.from(bytes)]);
  // `:method GET`, the scheme and `:path /` from the static table, and an authority by the index of its name
  const pseudo = [0x82, scheme === "http" ? 0x86 : 0x87, 0x84];
  const fromTable = Buffer.from([...pseudo, 0x41, 0x09, ...letters("localhost")]);
  return [
    legal("6.1", "fields of the static table", fromTable),
    legal(
      "6.2.1",
      "a field that is put into the table, and taken from it by the next block",
      fromTable,
      Buffer.from([...pseudo, 0xbe]),
    ),
    legal("6.2.2", "a name of the table with a value that is not put there", behind(0x0f, 0x04, 0x01, 0x62)),
    legal("6.2.3", "a field that is never put into a table", behind(0x10, 0x03, ...letters("x-a"), 0x01, 0x62)),
    legal("6.3", "a table that is made empty, and as large again", Buffer.concat([Buffer.from([0x20, 0x3f, 0xe1, 0x1f]), get])),
    legal("5.2", "a value in Huffman's code", behind(0x00, 0x03, ...letters("x-a"), 0x83, 0xc9, 0x5b, 0x9f)),
    legal(
      "5.1",
      "a length in more bytes than it needs, within reason",
      behind(0x00, 0x03, ...letters("x-a"), 0x7f, 0x80, 0x00, ...letters("y".repeat(127))),
    ),
    broken("2.3.3", "an index of 0", behind(0x80)),
    broken("2.3.3", "an index behind both tables", behind(0xbe)),
    broken("2.3.3", "a name by an index behind both tables", behind(0x7e, 0x01, 0x61)),
    broken("4.2", "a table that is made larger than was allowed", Buffer.concat([Buffer.from([0x3f, 0xe2, 0x1f]), get])),
    broken("4.2", "a change of the table's size behind a field", behind(0x20)),
    broken("5.1", "an index that has no end", behind(0xff, ...Array.from({ length: 20 }, () => 0xff))),
    broken("5.1", "a length beyond all bounds", behind(0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x7f)),
    broken("5.2", "padding of more than 7 bits", behind(0x00, 0x03, ...letters("x-a"), 0x82, 0x1f, 0xff)),
    broken("5.2", "padding that is not made of ones", behind(0x00, 0x03, ...letters("x-a"), 0x81, 0x18)),
    broken(
      "5.2",
      "the end of Huffman's code within a value",
      behind(0x00, 0x03, ...letters("x-a"), 0x84, 0xff, 0xff, 0xff, 0xff),
    ),
    broken("5.2", "a value that ends before its length", behind(0x00, 0x03, ...letters("x-a"), 0x09, 0x62)),
    broken("6.2.1", "a field that breaks off behind its name", behind(0x40, 0x03, ...letters("x-a"))),
  ];
}
