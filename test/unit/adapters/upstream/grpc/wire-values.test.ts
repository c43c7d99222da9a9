import {
  create,
  createRegistry,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type DescMessage,
  type JsonValue,
} from "@bufbuild/protobuf";
import { AnySchema, ListValueSchema, SourceCodeInfo_LocationSchema, StructSchema } from "@bufbuild/protobuf/wkt";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonValues } from "../../../../../src/adapters/upstream/grpc/transcode/json-values.ts";
import { wireValues } from "../../../../../src/adapters/upstream/grpc/transcode/wire-values.ts";

const registry = createRegistry(AnySchema, ListValueSchema, StructSchema);

const count = (bytes: Uint8Array, type: DescMessage, max = 0): number | undefined => wireValues(bytes, type, { max, registry });

const listBytes = (json: JsonValue): Uint8Array => toBinary(ListValueSchema, fromJson(ListValueSchema, json));

/** Elements in a JSON value, and members by their weight. */
function size(json: unknown, member: number): number {
  if (typeof json !== "object" || json === null) return 0;
  const inner: readonly unknown[] = Object.values(json);
  return inner.reduce<number>(
    (sum, each) => sum + size(each, member),
    Array.isArray(json) ? inner.length : member * inner.length,
  );
}

/** What a reader finds in a list: nothing where it can not be read, or shown. */
function found(bytes: Uint8Array): number {
  try {
    return size(toJson(ListValueSchema, fromBinary(ListValueSchema, bytes)), 1);
  } catch {
    return 0;
  }
}

describe("the values of an encoded message", () => {
  it("are its fields, and those of the messages in it", () => {
    // each element is one, and what it holds another
    expect(count(listBytes([1, "a", true]), ListValueSchema, 5)).toBe(6);
    expect(count(listBytes([[1, 2], []]), ListValueSchema, 8)).toBe(8);
    // an entry of a map, its key, its value, and what that holds
    expect(count(toBinary(StructSchema, fromJson(StructSchema, { a: 1 })), StructSchema, 3)).toBe(4);
  });

  it("are the elements of lists that are written as one", () => {
    const location = create(SourceCodeInfo_LocationSchema, { path: [1, 300, 5], span: [1, 2] });
    expect(count(toBinary(SourceCodeInfo_LocationSchema, location), SourceCodeInfo_LocationSchema, 6)).toBe(7);
  });

  it("are in what an Any holds too, where that is shown", () => {
    const value = listBytes(Array.from({ length: 100 }, () => null));
    const of = (typeUrl: string) => count(toBinary(AnySchema, create(AnySchema, { typeUrl, value })), AnySchema, 100);
    expect(of("type.googleapis.com/google.protobuf.ListValue")).toBeGreaterThan(100);
    expect(of("type.googleapis.com/google.protobuf.Unknown")).toBe(2);
  });

  it("are counted no further than it takes to know that they are too many", () => {
    const bytes = new Uint8Array(4_000_000);
    for (let at = 0; at < bytes.length; at += 2) bytes[at] = 0x0a;
    const from = process.threadCpuUsage();
    expect(count(bytes, ListValueSchema, 100_000)).toBe(100_001);
    expect(process.threadCpuUsage(from).user / 1000).toBeLessThan(500);
  });

  it("are no fewer than a reader finds, whatever the bytes", () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 });
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { minLength: 1, maxLength: 6 }), changes, (json, changed) => {
        const bytes = listBytes(JSON.parse(JSON.stringify(json)));
        for (const [at, byte] of changed) bytes[at % bytes.length] = byte;
        const values = count(bytes, ListValueSchema, bytes.length - 1);
        if (changed.length === 0) expect(values).toBeGreaterThan(0);
        if (values !== undefined) expect(found(bytes)).toBeLessThanOrEqual(values);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("the values of a JSON text", () => {
  it("are what lists and objects hold, members twice, whatever stands in strings", () => {
    expect(jsonValues('[1,"a,b:{[\\",",{}]', 3)).toBe(4);
    expect(jsonValues('{"a":1,"b":[]}', 4)).toBe(5);
    expect(jsonValues('"', 0)).toBe(0);
  });

  it("are never more than its characters, and at least the elements and twice the members of it", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const values = jsonValues(text, Math.min(text.length - 1, 1_000_000));
        expect(values).toBeLessThanOrEqual(text.length);
        expect(values).toBeGreaterThanOrEqual(Math.min(size(JSON.parse(text), 2), text.length));
      }),
    );
  });
});
