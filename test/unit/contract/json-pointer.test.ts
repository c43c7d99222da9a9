import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatPointer, MAX_POINTER_BYTES, parsePointer, utf8Length } from "@sallyport/contract/json-pointer.ts";

describe("parsePointer", () => {
  it("reads what formatPointer writes, for any tokens", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme", maxLength: 10 }), { maxLength: 8 }), (tokens) => {
        expect(parsePointer(formatPointer(tokens))).toEqual({ ok: true, value: tokens });
      }),
    );
  });

  it("does not judge tokens: __proto__ is text here", () => {
    expect(parsePointer("/__proto__/constructor")).toEqual({ ok: true, value: ["__proto__", "constructor"] });
  });

  it("refuses a pointer that does not begin with a slash, or escapes nothing", () => {
    for (const pointer of ["a", "#/a", "~0", "/~", "/a~", "/~2", "/~a~0"]) expect(parsePointer(pointer).ok).toBe(false);
  });

  it("refuses a pointer of more than 1024 bytes, counted in UTF-8", () => {
    expect(parsePointer(`/${"a".repeat(MAX_POINTER_BYTES - 1)}`).ok).toBe(true);
    expect(parsePointer(`/${"a".repeat(MAX_POINTER_BYTES)}`).ok).toBe(false);
    expect(parsePointer(`/${"é".repeat(MAX_POINTER_BYTES / 2)}`).ok).toBe(false);
  });
});

describe("utf8Length", () => {
  it("counts the bytes an encoder writes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
      }),
    );
  });

  it("says of a text that is too long only that it is longer than asked for", () => {
    expect(utf8Length("é".repeat(100), 10)).toBeGreaterThan(10);
  });
});
