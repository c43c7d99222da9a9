import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Http2Violation } from "@sallyport/lean-grpc/frame.ts";
import { HpackDecoder } from "@sallyport/lean-grpc/hpack-decoder.ts";
import { HpackEncoder } from "@sallyport/lean-grpc/hpack-encoder.ts";
import type { Field } from "@sallyport/lean-grpc/hpack-table.ts";

const decoder = (tableBytes = 4096, maxListBytes = 16_384): HpackDecoder => new HpackDecoder({ tableBytes, maxListBytes });

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

describe("HpackDecoder", () => {
  it("reads the request examples of RFC 7541 C.4: Huffman-coded, with one table for all three", () => {
    const reader = decoder();
    const first: Field[] = [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "www.example.com"],
    ];
    expect(reader.decode(hex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"))).toEqual(first);
    expect(reader.decode(hex("8286 84be 5886 a8eb 1064 9cbf"))).toEqual([...first, ["cache-control", "no-cache"]]);
    expect(reader.decode(hex("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"))).toEqual([
      [":method", "GET"],
      [":scheme", "https"],
      [":path", "/index.html"],
      [":authority", "www.example.com"],
      ["custom-key", "custom-value"],
    ]);
  });

  it("evicts what no longer fits, as in RFC 7541 C.5", () => {
    const reader = decoder(256);
    reader.decode(
      hex(
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      ),
    );
    expect(reader.decode(hex("4803 3330 37c1 c0bf"))).toEqual([
      [":status", "307"],
      ["cache-control", "private"],
      ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
      ["location", "https://www.example.com"],
    ]);
    // the first :status is gone: its place is the last one, and behind it nothing
    expect(() => reader.decode(hex("c2"))).toThrow(Http2Violation);
  });

  it.each([
    ["index 0", "80"],
    ["an index of no entry", "ff80 01"],
    ["a string that is longer than the block", "0005 6162"],
    ["a number that never ends", "7fff ffff ffff ffff"],
    ["a block that ends inside a number", "7f"],
    ["a table size above the announced one", "3fe2 1f"],
    ["a table size behind a field", "8220"],
    ["Huffman padding of more than 7 bits", "0081 ff 00"],
    ["Huffman padding of zeroes", "0081 18 00"],
    ["the end of the string inside a Huffman string", "0085 ffff fffffc 00"],
  ])("refuses %s", (_name, block) => {
    expect(() => decoder().decode(hex(block))).toThrow(Http2Violation);
  });

  it("refuses a list that grows beyond its limit, however small the block", () => {
    const reader = decoder(4096, 1000);
    const block = Buffer.concat([hex("4001 61 7f ad02"), Buffer.alloc(0x7f + 0x12d, 0x62), Buffer.alloc(20, 0xbe)]);
    expect(() => reader.decode(block)).toThrow(/too long/);
  });

  it("answers for any bytes with fields or a violation, and nothing else", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 5 }), (blocks) => {
        const reader = decoder();
        try {
          for (const block of blocks) reader.decode(Buffer.from(block));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Http2Violation);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it("reads a block it knows as it read it the first time, and only where no table can have changed it", () => {
    const reader = decoder(0);
    const block = hex("8803 6162 6303 7879 7a".replace("8803", "88 00 03"));
    expect(reader.decode(block)).toBe(reader.decode(Buffer.from(block)));
    for (let index = 0; index < 1000; index += 1)
      reader.decode(Buffer.concat([hex("0004"), Buffer.from(String(index).padStart(4)), hex("00")]));
    expect(reader.decode(block)).toEqual([
      [":status", "200"],
      ["abc", "xyz"],
    ]);
  });
});

describe("HpackEncoder", () => {
  const text = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 300 });
  const field: fc.Arbitrary<Field> = fc.tuple(fc.constantFrom("x-a", "x-b", "te", "user-agent", ":path", "grpc-timeout"), text);

  it("writes what a decoder reads, over many blocks and changes of the table's size", () => {
    const step = fc.record({
      fixed: fc.nat({ max: 3 }),
      changing: fc.array(field, { maxLength: 2 }),
      resize: fc.option(fc.nat({ max: 5000 })),
    });
    fc.assert(
      fc.property(
        fc.array(fc.array(field, { maxLength: 8 }), { minLength: 4, maxLength: 4 }),
        fc.array(step, { maxLength: 30 }),
        (lists, steps) => {
          const encoder = new HpackEncoder();
          const reader = decoder(4096, 1_000_000);
          for (const { fixed, changing, resize } of steps) {
            if (resize !== null) encoder.resize(resize);
            const list = lists[fixed] ?? [];
            expect(reader.decode(encoder.encode(list, changing))).toEqual([...list, ...changing]);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("needs a byte a field for what it sent before", () => {
    const encoder = new HpackEncoder();
    const list: Field[] = [
      [":method", "POST"],
      [":path", "/sallyport.interceptor.v1.Interceptor/Review"],
      ["authorization", `Bearer ${"x".repeat(400)}`],
    ];
    encoder.encode(list, []);
    expect(encoder.encode(list, [])).toHaveLength(3);
  });
});
