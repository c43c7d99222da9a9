import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { fromPlain, stringifyJson, type Json } from "@sallyport/contract/json.ts";
import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import { applyFieldPatches, checkFieldValue, type FieldChange, type PatchScope } from "@sallyport/contract/patch-fields.ts";
import { compilePointers, fieldKey, fieldTokens, type Field } from "@sallyport/contract/view-field.ts";

const plain = (value: unknown): Json => {
  const json = fromPlain(value);
  if (!json.ok) throw new Error(json.error);
  return json.value;
};

const FIELDS: Readonly<Record<string, Json>> = {
  "/request/method": "GET",
  "/request/path": "/v1/orders",
  "/request/host": "example.test",
  "/request/headers/accept": "text/html",
  "/request/headers/x-secret": "hidden",
  "/request/query/tag": ["a", "b"],
  "/request/body": plain({ list: [1, 2], name: "n", deep: { x: { y: 1 } } }),
  "/principal/id": "p1",
  "/labels/old": "o",
};

/** A scope over {@link FIELDS}: everything shown but x-secret, and writable what the pointers cover. */
function scope(writes: readonly string[], more: Partial<PatchScope> = {}): PatchScope {
  const granted = compilePointers(writes);
  if (!granted.ok) throw new Error(granted.error);
  return {
    read: (field) => FIELDS[fieldKey(field)],
    shown: (field) => fieldKey(field) !== "/request/headers/x-secret",
    writable: (tokens) => granted.value.covers(tokens),
    maxBytes: 10_000,
    ...more,
  };
}

const ALL = ["/request", "/labels", "/response"];

const apply = (operations: readonly PatchOperation[], to: PatchScope = scope(ALL)) => applyFieldPatches(operations, to);

/** The values fields have afterwards. */
function valuesAfter(operations: readonly PatchOperation[], to?: PatchScope): Readonly<Record<string, unknown>> {
  const changes = apply(operations, to);
  if (!changes.ok) throw new Error(`${changes.error.code} at ${changes.error.path}`);
  return Object.fromEntries(
    [...changes.value].map(([key, { value }]) => [key, value === undefined ? undefined : stringifyJson(value)]),
  );
}

describe("applyFieldPatches", () => {
  it("adds, replaces and removes fields, whose containers always exist", () => {
    expect(
      valuesAfter([
        { op: "add", path: "/labels/tenant", value: "t1" },
        { op: "add", path: "/request/headers/x-new", value: ["a", "b"] },
        { op: "replace", path: "/request/headers/accept", value: "*/*" },
        { op: "remove", path: "/request/query/tag" },
      ]),
    ).toEqual({
      "/labels/tenant": '"t1"',
      "/request/headers/x-new": '["a","b"]',
      "/request/headers/accept": '"*/*"',
      "/request/query/tag": undefined,
    });
  });

  it("edits below a body, and at elements of lists", () => {
    expect(
      valuesAfter([
        { op: "add", path: "/request/body/list/-", value: 3 },
        { op: "remove", path: "/request/body/deep/x" },
        { op: "add", path: "/request/query/tag/0", value: "z" },
        { op: "add", path: "/request/query/tag/-", value: "y" },
      ]),
    ).toEqual({
      "/request/body": '{"list":[1,2,3],"name":"n","deep":{}}',
      "/request/query/tag": '["z","a","b","y"]',
    });
  });

  it("moves and copies between fields", () => {
    expect(
      valuesAfter([
        { op: "copy", from: "/principal/id", path: "/request/body/by" },
        { op: "move", from: "/request/body/name", path: "/labels/name" },
        { op: "copy", from: "/request/body/deep", path: "/request/body/copy" },
        { op: "replace", path: "/request/body/deep/x/y", value: 2 },
      ]),
    ).toEqual({
      "/request/body": '{"list":[1,2],"deep":{"x":{"y":2}},"by":"p1","copy":{"x":{"y":1}}}',
      "/labels/name": '"n"',
    });
  });

  it("keeps a value that went to another field apart from the one it came from", () => {
    const response: Readonly<Record<string, Json>> = { "/request/body": plain({ a: { b: [1] } }), "/response/body": plain({}) };
    expect(
      valuesAfter(
        [
          { op: "add", path: "/request/body/a/b/-", value: 2 },
          { op: "copy", from: "/request/body/a", path: "/response/body/a" },
          { op: "add", path: "/request/body/a/b/-", value: 3 },
          { op: "add", path: "/response/body/a/b/-", value: 4 },
        ],
        scope(ALL, { read: (field) => response[fieldKey(field)] }),
      ),
    ).toEqual({ "/request/body": '{"a":{"b":[1,2,3]}}', "/response/body": '{"a":{"b":[1,2,4]}}' });
  });

  it("tests what was shown and changes nothing by it", () => {
    expect(
      valuesAfter([
        { op: "test", path: "/request/method", value: "GET" },
        { op: "test", path: "/request/body/list/1", value: 2 },
        { op: "test", path: "/principal/id", value: "p1" },
      ]),
    ).toEqual({});
    expect(apply([{ op: "test", path: "/request/method", value: "POST" }])).toMatchObject({ error: { code: "test-failed" } });
  });

  it("appends cookies without reading the ones that are there", () => {
    const reads: string[] = [];
    const changes = apply(
      [
        { op: "add", path: "/response/headers/set-cookie/-", value: "a=1" },
        { op: "add", path: "/response/headers/set-cookie/-", value: "b=2" },
      ],
      scope(["/response/headers/set-cookie/-"], { read: (field) => void reads.push(fieldKey(field)) }),
    );
    expect(changes).toEqual({
      ok: true,
      value: new Map([
        [
          "/response/headers/set-cookie",
          { field: { kind: "header", side: "response", name: "set-cookie" }, effect: "append", value: ["a=1", "b=2"] },
        ],
      ]),
    });
    expect(reads).toEqual([]);
  });

  it.each<[string, PatchOperation, string]>([
    ["the host", { op: "replace", path: "/request/host", value: "evil" }, "not-writable"],
    ["the request id", { op: "add", path: "/request/id", value: "x" }, "not-writable"],
    ["the principal", { op: "replace", path: "/principal/id", value: "root" }, "not-writable"],
    ["a framing header", { op: "add", path: "/request/headers/content-length", value: "1" }, "not-writable"],
    ["a look-alike of one", { op: "add", path: "/request/headers/content_length", value: "1" }, "not-writable"],
    ["all cookies", { op: "add", path: "/response/headers/set-cookie", value: "a=1" }, "not-writable"],
    ["a cookie that is there", { op: "replace", path: "/response/headers/set-cookie/0", value: "a=1" }, "not-writable"],
    ["the cookie after the last", { op: "remove", path: "/response/headers/set-cookie/-" }, "not-writable"],
    ["a cookie, by testing", { op: "test", path: "/response/headers/set-cookie/0", value: "a=1" }, "not-shown"],
    ["a container", { op: "add", path: "/request/headers", value: "x" }, "no-field"],
    ["the view", { op: "replace", path: "", value: "x" }, "no-field"],
    ["a field views do not have", { op: "add", path: "/request/upstream", value: "x" }, "no-field"],
    ["a header in upper case", { op: "add", path: "/request/headers/Accept", value: "x" }, "no-field"],
    ["a pseudo-header", { op: "add", path: "/request/headers/:path", value: "/x" }, "no-field"],
    ["below __proto__", { op: "add", path: "/request/headers/__proto__/x", value: "x" }, "forbidden-token"],
    ["a query name called constructor", { op: "add", path: "/request/query/constructor", value: "x" }, "forbidden-token"],
    ["a negative index", { op: "add", path: "/request/body/list/-1", value: 0 }, "bad-index"],
    ["an index with zeros", { op: "add", path: "/request/body/list/00", value: 0 }, "bad-index"],
    ["the length of a list", { op: "add", path: "/request/body/list/length", value: 0 }, "bad-index"],
    ["an element of a header", { op: "add", path: "/request/headers/accept/0", value: "x" }, "missing"],
    ["a header that is not there", { op: "remove", path: "/request/headers/nope" }, "missing"],
    ["a replaced header that is not there", { op: "replace", path: "/request/headers/nope", value: "x" }, "missing"],
    ["a field from a hidden one", { op: "copy", from: "/request/headers/x-secret", path: "/labels/x" }, "not-shown"],
    ["a hidden field, by testing", { op: "test", path: "/request/headers/x-secret", value: "hidden" }, "not-shown"],
    ["the place a read-only field is moved from", { op: "move", from: "/principal/id", path: "/labels/x" }, "not-writable"],
    ["a field from nothing", { op: "copy", from: "/request/headers/nope", path: "/labels/x" }, "missing"],
    ["a body inside itself", { op: "move", from: "/request/body/deep", path: "/request/body/deep/x/z" }, "into-itself"],
    ["a path that is no pointer", { op: "remove", path: "labels/old" }, "bad-pointer"],
  ])("refuses to write %s, whatever is granted", (_name, operation, code) => {
    expect(apply([operation], scope(ALL, { writable: () => true }))).toMatchObject({ ok: false, error: { opIndex: 0, code } });
  });

  it("refuses what is outside the grant, above and beside a granted part of a body too", () => {
    const narrow = scope(["/request/body/list", "/labels/tenant"]);
    expect(apply([{ op: "add", path: "/request/body/list/-", value: 3 }], narrow).ok).toBe(true);
    for (const path of ["/request/body", "/request/body/name", "/labels/other", "/request/headers/accept"]) {
      expect(apply([{ op: "add", path, value: "x" }], narrow)).toMatchObject({ error: { code: "not-writable", path } });
    }
    expect(apply([{ op: "move", from: "/request/body/name", path: "/labels/tenant" }], narrow)).toMatchObject({
      error: { code: "not-writable", path: "/request/body/name" },
    });
  });

  it("changes nothing when one operation fails", () => {
    expect(
      apply([
        { op: "add", path: "/labels/a", value: "1" },
        { op: "remove", path: "/labels/nope" },
      ]),
    ).toEqual({ ok: false, error: { opIndex: 1, code: "missing", path: "/labels/nope" } });
    expect(stringifyJson(FIELDS["/request/body"] ?? null)).toBe('{"list":[1,2],"name":"n","deep":{"x":{"y":1}}}');
  });

  it("reads only the fields that operations name", () => {
    const reads: string[] = [];
    const counting = scope(ALL, {
      read(field: Field) {
        reads.push(fieldKey(field));
        return FIELDS[fieldKey(field)];
      },
    });
    apply(
      [
        { op: "add", path: "/request/headers/x", value: "1" },
        { op: "add", path: "/request/headers/x", value: "2" },
      ],
      counting,
    );
    expect(reads).toEqual(["/request/headers/x"]);
  });

  it("bounds every field by itself", () => {
    const bomb: PatchOperation[] = Array.from({ length: 40 }, () => ({
      op: "copy",
      from: "/request/body/list",
      path: "/request/body/list/-",
    }));
    expect(apply(bomb)).toMatchObject({ ok: false, error: { code: "too-large" } });
  });

  it("bounds the work of a patch over all fields together", () => {
    const body = plain({ list: Array.from({ length: 20_000 }, () => [0]) });
    const wide = scope(ALL, { read: (field) => (field.kind === "body" ? body : undefined), maxBytes: 200_000 });
    const copies: PatchOperation[] = Array.from({ length: 1000 }, (_, index) => ({
      op: "copy",
      from: "/request/body",
      path: `/labels/l${index}`,
    }));
    const refused = apply(copies, wide);
    expect(refused).toMatchObject({ ok: false, error: { code: "too-large" } });
    expect(!refused.ok && refused.error.opIndex).toBeLessThan(20);
  });

  it("never throws and never changes what it read, whatever the operations", () => {
    const path = fc.oneof(
      fc.constantFrom(...Object.keys(FIELDS), "/request/body/list/0", "/request/body/deep", "/request/body/-", "/response/body"),
      fc
        .array(fc.constantFrom("request", "headers", "body", "x", "0", "-", "__proto__", "", "query"), { maxLength: 5 })
        .map((t) => t.map((x) => `/${x}`).join("")),
      fc.string({ maxLength: 8 }),
    );
    const value = fc.jsonValue({ maxDepth: 2 }).map(plain);
    const operation: fc.Arbitrary<PatchOperation> = fc.oneof(
      fc.record({ op: fc.constantFrom("add", "replace", "test"), path, value }),
      fc.record({ op: fc.constant("remove"), path }),
      fc.record({ op: fc.constantFrom("move", "copy"), path, from: path }),
    );
    const before = Object.values(FIELDS).map(stringifyJson);
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 6 }), (operations) => {
        const changes = apply(operations);
        if (changes.ok) for (const [key, change] of changes.value) expect(fieldKey(change.field)).toBe(key);
        expect(Object.values(FIELDS).map(stringifyJson)).toEqual(before);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("checkFieldValue", () => {
  const header: Field = { kind: "header", side: "request", name: "x" };
  const check = (field: Field, value: Json | undefined, bodyFormat?: "json" | "text" | "bytes") => {
    const change: FieldChange = { field, effect: value === undefined ? "remove" : "set", value };
    return checkFieldValue(change, { bodyFormat });
  };

  it("turns a string into one header line and a list into several", () => {
    expect(check(header, "a")).toMatchObject({ ok: true, value: { lines: ["a"], effect: "set" } });
    expect(check(header, ["a", "caf\u00e9"])).toMatchObject({ ok: true, value: { lines: ["a", "caf\u00e9"] } });
    expect(check(header, undefined)).toMatchObject({ ok: true, value: { lines: undefined } });
  });

  it.each<[string, Json]>([
    ["CR and LF", "a\r\nx: y"],
    ["LF alone", "a\nb"],
    ["NUL", "a\u0000"],
    ["code points above U+00FF", "\u0100"],
    ["white space at an end", "a "],
    ["CR in one of several lines", ["a", "b\r"]],
    ["a number", 1],
    ["null", null],
    ["an empty list", []],
    ["a list of numbers", [1]],
    ["a list in a list", [["a"]]],
    ["an object", new Map()],
    ["too many lines", Array.from({ length: 65 }, () => "a")],
  ])("refuses %s in a header", (_name, value) => {
    expect(check(header, value).ok).toBe(false);
  });

  it("accepts query values as a string or a list of strings, none meaning that the name goes", () => {
    const query: Field = { kind: "query", name: "a" };
    expect(check(query, "x")).toMatchObject({ ok: true, value: { values: ["x"] } });
    expect(check(query, ["x", "\r\n"])).toMatchObject({ ok: true, value: { values: ["x", "\r\n"] } });
    expect(check(query, [])).toMatchObject({ ok: true, value: { values: undefined } });
    expect(check(query, [1]).ok).toBe(false);
    expect(check(query, new Map()).ok).toBe(false);
  });

  it("accepts labels of up to 1 KiB without control characters", () => {
    const label: Field = { kind: "label", name: "a" };
    expect(check(label, "é".repeat(512)).ok).toBe(true);
    for (const value of ["é".repeat(513), "a\nb", "\u0085", 1, null, ["a"]]) expect(check(label, value).ok).toBe(false);
  });

  it("accepts paths in normal form only, and known methods only", () => {
    const path: Field = { kind: "request", member: "path" };
    expect(check(path, "/v1/x%20y")).toMatchObject({ ok: true, value: { path: "/v1/x%20y" } });
    for (const value of ["/a?b", "/a#b", "/a//b", "/a/../b", "/%2e", "/a%2fb", "a", "", "/a b", "/é", 1])
      expect(check(path, value).ok).toBe(false);
    expect(check(path, undefined).ok).toBe(false);
    const method: Field = { kind: "request", member: "method" };
    expect(check(method, "PATCH").ok).toBe(true);
    for (const value of ["get", "CONNECT", "TRACE", "GET ", "", "X\r\nY", 1]) expect(check(method, value).ok).toBe(false);
  });

  it("accepts statuses from 200 to 599", () => {
    const status: Field = { kind: "status" };
    for (const value of [200, 404, 599]) expect(check(status, value).ok).toBe(true);
    for (const value of [199, 600, 200.5, -1, "200", null]) expect(check(status, value).ok).toBe(false);
    expect(check(status, undefined).ok).toBe(false);
  });

  it("accepts a body in the format of the binding", () => {
    const body: Field = { kind: "body", side: "request" };
    expect(check(body, plain({ a: 1 }))).toMatchObject({ ok: true, value: { body: { format: "json" } } });
    expect(check(body, "x", "text")).toMatchObject({ ok: true, value: { body: { format: "text", text: "x" } } });
    expect(check(body, 1, "text").ok).toBe(false);
    const bytes = check(body, "AP8=", "bytes");
    expect(
      bytes.ok && bytes.value.kind === "body" && bytes.value.body?.format === "bytes" && [...bytes.value.body.bytes],
    ).toEqual([0, 255]);
    for (const value of ["AP8", "A*8=", "AP9=", "AP8=\n", 1]) expect(check(body, value, "bytes").ok).toBe(false);
    expect(check(body, undefined)).toMatchObject({ ok: true, value: { body: undefined } });
  });

  it("refuses fields nobody writes", () => {
    expect(check({ kind: "request", member: "host" }, "x").ok).toBe(false);
    expect(check({ kind: "readonly", root: "principal", rest: [] }, "x").ok).toBe(false);
  });

  it("says nothing of the value in its errors", () => {
    const refused = check(header, "secret\r\n");
    expect(!refused.ok && refused.error).not.toContain("secret");
    expect(fieldTokens(header)).toEqual(["request", "headers", "x"]);
  });
});
