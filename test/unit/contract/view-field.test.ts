import { describe, expect, it } from "vitest";

import {
  compilePointers,
  fieldKey,
  fieldTokens,
  intersectPointers,
  isProtectedHeader,
  isWritableField,
  legalNeeds,
  legalWrites,
  parseFieldPointer,
  type PointerSet,
} from "@sallyport/contract/view-field.ts";
import { formatPointer, parsePointer } from "@sallyport/contract/json-pointer.ts";

const setOf = (...pointers: readonly string[]): PointerSet => {
  const set = compilePointers(pointers);
  if (!set.ok) throw new Error(set.error);
  return set.value;
};
const tokens = (pointer: string): readonly string[] => {
  const parsed = parsePointer(pointer);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};

describe("parseFieldPointer", () => {
  it.each([
    ["/request/method", { kind: "request", member: "method" }],
    ["/request/query/a~1b", { kind: "query", name: "a/b" }],
    ["/request/query/", { kind: "query", name: "" }],
    ["/request/headers/x-tenant-id", { kind: "header", side: "request", name: "x-tenant-id" }],
    ["/response/headers/etag", { kind: "header", side: "response", name: "etag" }],
    ["/request/body", { kind: "body", side: "request" }],
    ["/response/body", { kind: "body", side: "response" }],
    ["/response/status", { kind: "status" }],
    ["/labels/tenant", { kind: "label", name: "tenant" }],
    ["/principal", { kind: "readonly", root: "principal", rest: [] }],
    ["/principal/claims/a", { kind: "readonly", root: "principal", rest: ["claims", "a"] }],
    ["/outcome/status", { kind: "readonly", root: "outcome", rest: ["status"] }],
  ])("reads %s, and fieldKey and fieldTokens give it back", (pointer, field) => {
    const parsed = parseFieldPointer(pointer);
    expect(parsed).toEqual({ ok: true, value: { field, rest: [] } });
    if (!parsed.ok) return;
    expect(fieldKey(parsed.value.field)).toBe(pointer);
    expect(formatPointer(fieldTokens(parsed.value.field))).toBe(pointer);
  });

  it("tells what lies below a body and at an element of a list", () => {
    expect(parseFieldPointer("/request/body/a/0/b")).toMatchObject({ value: { rest: ["a", "0", "b"] } });
    expect(parseFieldPointer("/response/headers/set-cookie/-")).toMatchObject({ value: { rest: ["-"] } });
    expect(parseFieldPointer("/request/query/tag/1")).toMatchObject({ value: { rest: ["1"] } });
  });

  it.each([
    "",
    "/",
    "/request",
    "/request/",
    "/request/headers",
    "/request/query",
    "/response",
    "/labels",
    "/request/status",
    "/response/path",
    "/response/query/a",
    "/request/method/x",
    "/response/status/0",
    "/labels/a/b",
    "/labels/",
    "/labels/a b",
    "/request/headers/Accept",
    "/request/headers/:path",
    "/request/headers/a\r\nb",
    "/request/headers/a/0/b",
    "/request/query/a/0/b",
    "/nothing/at/all",
    "/__proto__/x",
    "request/method",
  ])("refuses %j: no single field", (pointer) => {
    expect(parseFieldPointer(pointer).ok).toBe(false);
  });
});

describe("PointerSet", () => {
  const set = setOf("/request/headers", "/request/query/a", "/principal", "/request/body/items");

  it("covers what an entry is a prefix of", () => {
    for (const pointer of ["/request/headers", "/request/headers/accept", "/principal/id", "/request/body/items/0"]) {
      expect(set.covers(tokens(pointer))).toBe(true);
    }
    for (const pointer of ["", "/request", "/request/headersx", "/request/query", "/request/query/ab", "/request/body"]) {
      expect(set.covers(tokens(pointer))).toBe(false);
    }
  });

  it("touches what is above, at or below an entry", () => {
    for (const pointer of ["", "/request", "/request/query", "/request/query/a/0", "/request/body", "/principal/id"]) {
      expect(set.touches(pointer)).toBe(true);
    }
    for (const pointer of ["/response", "/request/query/b", "/request/body/other", "not a pointer", "/~9"]) {
      expect(set.touches(pointer)).toBe(false);
    }
    expect(setOf().touches("")).toBe(false);
  });

  it("lists its pointers once each", () => {
    expect(setOf("/labels/a", "/labels/a", "/principal").pointers).toEqual(["/labels/a", "/principal"]);
  });

  it("is not made of pointers that name nothing, nor of too many", () => {
    expect(compilePointers([""]).ok).toBe(false);
    expect(compilePointers(["/request/nothing"])).toMatchObject({
      ok: false,
      error: expect.stringContaining("/request/nothing"),
    });
    expect(compilePointers(["/request/headers/X-Upper"]).ok).toBe(false);
    expect(compilePointers(Array.from({ length: 257 }, (_, index) => `/labels/l${index}`)).ok).toBe(false);
  });
});

describe("intersectPointers", () => {
  it("keeps the longer of each related pair", () => {
    expect(intersectPointers(["/request/headers", "/labels/a"], ["/request/headers/x", "/request/headers/y", "/labels"])).toEqual(
      ["/request/headers/x", "/request/headers/y", "/labels/a"],
    );
  });

  it("has nothing where nothing is related, names with the same beginning included", () => {
    expect(intersectPointers(["/labels/a"], ["/labels/ab", "/principal"])).toEqual([]);
    expect(intersectPointers([], ["/labels"])).toEqual([]);
  });
});

describe("isProtectedHeader", () => {
  it.each([
    "content-length",
    "content_length",
    "transfer-encoding",
    "connection",
    "te",
    "upgrade",
    "host",
    "content-encoding",
    "x-request-id",
    "x-correlation-id",
    "traceparent",
    "tracestate",
    "forwarded",
    "x-forwarded-for",
    "x_forwarded_for",
    "x-real-ip",
    "via",
    "sallyport-anything",
    "sec-websocket-key",
    "x-original-url",
    "x-http-method-override",
    "set-cookie",
  ])("protects %s on both sides", (name) => {
    expect(isProtectedHeader("request", name)).toBe(true);
    expect(isProtectedHeader("response", name)).toBe(true);
  });

  it("protects CORS headers of the response, and leaves ordinary headers alone", () => {
    expect(isProtectedHeader("response", "access-control-allow-origin")).toBe(true);
    expect(isProtectedHeader("request", "access-control-request-method")).toBe(false);
    for (const name of ["accept", "x-tenant-id", "content-type", "cache-control", "location", "etag", "x-forwardedness"]) {
      expect(isProtectedHeader("response", name)).toBe(false);
    }
  });
});

describe("legalNeeds", () => {
  it("knows what each phase can show", () => {
    expect(legalNeeds("pre-auth", "/principal").ok).toBe(false);
    expect(legalNeeds("pre-auth", "/principal/id").ok).toBe(false);
    expect(legalNeeds("pre-auth", "/tenant").ok).toBe(false);
    expect(legalNeeds("pre-route", "/principal").ok).toBe(true);
    expect(legalNeeds("pre-route", "/response/status").ok).toBe(false);
    expect(legalNeeds("pre-route", "/response").ok).toBe(false);
    expect(legalNeeds("post-response", "/response").ok).toBe(true);
    expect(legalNeeds("post-response", "/request/body").ok).toBe(true);
    expect(legalNeeds("pre-auth", "/request").ok).toBe(true);
    expect(legalNeeds("pre-auth", "/client/address").ok).toBe(true);
  });

  it("keeps the outcome for observers", () => {
    expect(legalNeeds("pre-route", "/outcome", "observe").ok).toBe(true);
    expect(legalNeeds("pre-route", "/outcome", "validate").ok).toBe(false);
    expect(legalNeeds("pre-route", "/outcome", "mutate").ok).toBe(false);
  });

  it("refuses parts of a field, and what is no field", () => {
    expect(legalNeeds("pre-route", "/request/body/a").ok).toBe(false);
    expect(legalNeeds("pre-route", "/request/query/a/0").ok).toBe(false);
    expect(legalNeeds("pre-route", "").ok).toBe(false);
    expect(legalNeeds("pre-route", "/request/x").ok).toBe(false);
  });
});

describe("legalWrites", () => {
  it.each([
    "/request",
    "/request/headers",
    "/request/headers/x-tenant-id",
    "/request/query",
    "/request/query/a",
    "/request/method",
    "/request/path",
    "/request/body",
    "/request/body/a/0",
    "/labels",
    "/labels/tenant",
  ])("accepts %s before the response and refuses it after", (pointer) => {
    expect(legalWrites("pre-auth", pointer).ok).toBe(true);
    expect(legalWrites("pre-route", pointer).ok).toBe(true);
    expect(legalWrites("post-response", pointer).ok).toBe(false);
  });

  it.each([
    "/response",
    "/response/headers",
    "/response/headers/etag",
    "/response/headers/set-cookie/-",
    "/response/status",
    "/response/body",
    "/response/body/a",
  ])("accepts %s at post-response only", (pointer) => {
    expect(legalWrites("post-response", pointer).ok).toBe(true);
    expect(legalWrites("pre-auth", pointer).ok).toBe(false);
    expect(legalWrites("pre-route", pointer).ok).toBe(false);
  });

  it.each([
    "",
    "/request/id",
    "/request/scheme",
    "/request/host",
    "/request/protocol",
    "/principal",
    "/principal/id",
    "/tenant",
    "/route/name",
    "/client",
    "/outcome",
    "/request/headers/content-length",
    "/request/headers/transfer-encoding",
    "/request/headers/connection",
    "/request/headers/host",
    "/request/headers/x-request-id",
    "/request/headers/traceparent",
    "/request/headers/x-forwarded-for",
    "/request/headers/sallyport-identity",
    "/request/headers/accept/0",
    "/request/query/a/0",
    "/response/headers/content-length",
    "/response/headers/set-cookie",
    "/response/headers/set-cookie/0",
    "/response/headers/access-control-allow-origin",
  ])("refuses %s at every phase", (pointer) => {
    for (const phase of ["pre-auth", "pre-route", "post-response"] as const) expect(legalWrites(phase, pointer).ok).toBe(false);
  });

  it("agrees with isWritableField, which judges single places", () => {
    const cookie = { kind: "header", side: "response", name: "set-cookie" } as const;
    expect(isWritableField("post-response", { field: cookie, rest: ["-"] }).ok).toBe(true);
    expect(isWritableField("post-response", { field: cookie, rest: [] }).ok).toBe(false);
    expect(isWritableField("pre-route", { field: { kind: "query", name: "a" }, rest: ["0"] }).ok).toBe(true);
    expect(isWritableField("post-response", { field: { kind: "label", name: "a" }, rest: [] }).ok).toBe(false);
  });
});
