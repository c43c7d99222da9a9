import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { jsonEquals, parseJson, stringifyJson, type Json } from "@sallyport/contract/json.ts";
import { applyPatch, type PatchOperation } from "@sallyport/contract/json-patch.ts";
import { formatPointer } from "@sallyport/contract/json-pointer.ts";
import { isJsonArray, isJsonObject } from "@sallyport/contract/json-value.ts";
import { ok, type Result } from "@sallyport/contract/result.ts";
import { json } from "../../support/json-arbitrary.ts";

const parsed = (text: string): Json => {
  const answer = parseJson(text);
  if (!answer.ok) throw new Error(answer.error.kind);
  return answer.value;
};

/** Pointers to places of a document, and some to nowhere. */
function placesOf(value: Json, path: readonly string[] = []): readonly string[] {
  const here = formatPointer(path);
  if (isJsonArray(value)) {
    return [here, ...value.flatMap((item, index) => placesOf(item, [...path, String(index)])), `${here}/-`, `${here}/9`];
  }
  if (!isJsonObject(value)) return [here, `${here}/x`];
  return [here, ...[...value].flatMap(([name, member]) => placesOf(member, [...path, name])), `${here}/new`];
}

const documentAndPatch = json.chain((document) => {
  const place = fc.constantFrom(...placesOf(document), "/new/deeper", "/0", "/-", "/new/0");
  const operation: fc.Arbitrary<PatchOperation> = fc.oneof(
    fc.record({ op: fc.constantFrom("add", "add", "replace", "test"), path: place, value: json }),
    fc.record({ op: fc.constant("remove"), path: place }),
    fc.record({ op: fc.constantFrom("move", "copy", "copy"), path: place, from: place }),
  );
  return fc.tuple(fc.constant(document), fc.array(operation, { maxLength: 8 }));
});

/** RFC 6902 without any sharing: every operation on a fresh copy. Slow and obvious. */
function reference(document: Json, operations: readonly PatchOperation[]): Result<Json | undefined, unknown> {
  let current: Json | undefined = document;
  for (const operation of operations) {
    const copy: Json | undefined = current === undefined ? undefined : parsed(stringifyJson(current));
    const answer = applyPatch(copy, [operation], { maxBytes: 1_000_000 });
    if (!answer.ok) return answer;
    current = answer.value;
  }
  return ok(current);
}

describe("applyPatch", () => {
  it("never changes its input, and gives what single steps on fresh copies give", () => {
    fc.assert(
      fc.property(documentAndPatch, ([document, operations]) => {
        const before = stringifyJson(document);
        const values = operations.map((operation) => ("value" in operation ? stringifyJson(operation.value) : ""));
        const answer = applyPatch(document, operations, { maxBytes: 1_000_000 });
        expect(stringifyJson(document)).toBe(before);
        expect(operations.map((operation) => ("value" in operation ? stringifyJson(operation.value) : ""))).toEqual(values);
        const wanted = reference(document, operations);
        if (wanted.ok) expect(answer).toEqual(wanted);
        else expect(answer.ok).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it("shares what it does not touch", () => {
    const document = parsed('{"a":{"deep":[1,2,3]},"b":1}');
    const answer = applyPatch(document, [{ op: "replace", path: "/b", value: 2 }], { maxBytes: 1000 });
    if (!answer.ok || !isJsonObject(document) || answer.value === undefined || !isJsonObject(answer.value)) throw new Error("no");
    expect(answer.value.get("a")).toBe(document.get("a"));
  });

  it("gives the same value back for add and then test", () => {
    fc.assert(
      fc.property(json, (value) => {
        const answer = applyPatch(
          new Map(),
          [
            { op: "add", path: "/x", value },
            { op: "test", path: "/x", value },
          ],
          { maxBytes: 1_000_000 },
        );
        expect(answer.ok && answer.value !== undefined && jsonEquals(answer.value, new Map([["x", value]]))).toBe(true);
      }),
    );
  });

  it("refuses a document that outgrows its bound, at the operation that does it", () => {
    const copies: PatchOperation[] = Array.from({ length: 64 }, () => ({ op: "copy", from: "/a", path: "/a/-" }));
    const answer = applyPatch(parsed('{"a":["0123456789"]}'), copies, { maxBytes: 100_000 });
    expect(answer).toMatchObject({ ok: false, error: { code: "too-large", path: "/a/-" } });
    expect(!answer.ok && answer.error.opIndex).toBeLessThan(20);
  });

  it("counts what is there: room is given back by remove, replace and moves over a value", () => {
    const half = "x".repeat(480);
    const operations: PatchOperation[] = Array.from({ length: 4 }, (): PatchOperation[] => [
      { op: "remove", path: "/a" },
      { op: "add", path: "/a", value: half },
      { op: "replace", path: "/a", value: half },
      { op: "add", path: "/b", value: 1 },
      { op: "move", from: "/b", path: "/a" },
      { op: "add", path: "/a", value: half },
    ]).flat();
    expect(applyPatch(new Map([["a", half]]), operations, { maxBytes: 1000 }).ok).toBe(true);
    const both = [...operations, { op: "copy", from: "/a", path: "/b" }] as const;
    expect(applyPatch(new Map([["a", half]]), [...both, ...both], { maxBytes: 900 })).toMatchObject({
      ok: false,
      error: { code: "too-large" },
    });
  });

  it("accepts any change that keeps a document of exactly the bound within it", () => {
    const text = `{"list":[[1],[2.5],[true,null]],"name":"${"x".repeat(50)}"}`;
    expect(applyPatch(parsed(text), [{ op: "replace", path: "/list/0/0", value: 2 }], { maxBytes: text.length + 20 }).ok).toBe(
      true,
    );
  });

  it("refuses a patch that makes the gateway copy and remove large parts again and again", () => {
    const document = parsed(`{"a":[${"[0],".repeat(50_000)}0]}`);
    const operations: PatchOperation[] = Array.from({ length: 512 }, (): PatchOperation[] => [
      { op: "copy", from: "/a", path: "/b" },
      { op: "remove", path: "/b" },
    ]).flat();
    const answer = applyPatch(document, operations, { maxBytes: 1_000_000 });
    expect(answer).toMatchObject({ ok: false, error: { code: "too-large" } });
    expect(!answer.ok && answer.error.opIndex).toBeLessThan(100);
  });

  it("refuses a value below so deep a place that the document would nest beyond 128 levels", () => {
    const nested = (levels: number): Json => parsed("[".repeat(levels) + "]".repeat(levels));
    const inside = (levels: number): string => "/0".repeat(levels - 1);
    const add = (at: string, value: Json): PatchOperation => ({ op: "add", path: `${at}/-`, value });
    const limits = { maxBytes: 10_000 };
    expect(applyPatch(nested(64), [add(inside(64), nested(64))], limits).ok).toBe(true);
    expect(applyPatch(nested(64), [add(inside(64), nested(65))], limits)).toMatchObject({
      ok: false,
      error: { code: "too-deep" },
    });
    expect(applyPatch(nested(100), [{ op: "copy", from: "", path: `${inside(100)}/-` }], limits)).toMatchObject({
      ok: false,
      error: { code: "too-deep" },
    });
    const two = new Map([
      ["a", nested(80)],
      ["b", nested(80)],
    ]);
    expect(applyPatch(two, [{ op: "move", from: "/a", path: `/b${inside(80)}/-` }], limits)).toMatchObject({
      ok: false,
      error: { code: "too-deep" },
    });
  });

  it("measures a hostile value made by hand without overflowing the stack", () => {
    let deep: Json = [];
    for (let level = 0; level < 200_000; level += 1) deep = [deep];
    expect(applyPatch([], [{ op: "add", path: "/-", value: deep }], { maxBytes: 1_000_000 })).toMatchObject({
      ok: false,
      error: { code: "too-deep" },
    });
  });

  it("names the operation and the pointer at fault, that of from when it is the source", () => {
    const operations: readonly PatchOperation[] = [
      { op: "add", path: "/a", value: 1 },
      { op: "copy", from: "/missing", path: "/b" },
    ];
    expect(applyPatch(new Map(), operations, { maxBytes: 100 })).toEqual({
      ok: false,
      error: { opIndex: 1, code: "missing", path: "/missing" },
    });
  });

  it("cuts a pointer that is far too long out of its answer", () => {
    const answer = applyPatch(null, [{ op: "remove", path: "x".repeat(1_000_000) }], { maxBytes: 100 });
    expect(!answer.ok && answer.error).toMatchObject({ code: "bad-pointer", path: "x".repeat(1024) });
  });
});
