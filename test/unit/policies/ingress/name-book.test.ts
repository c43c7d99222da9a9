import { describe, expect, it } from "vitest";
import { GATEWAY_NAMES, NameBook } from "../../../../src/policies/ingress/name-book.ts";

describe("the book of header names", () => {
  const book = new NameBook(new Set(["x-api-key"]));

  it("tells the same of a name the second time, in every spelling", () => {
    for (const name of ["X-API-Key", "x-api-key", "X-API-Key"])
      expect(book.facts(name)).toEqual({ name: "x-api-key", complaint: undefined, isSingle: true, passes: "always" });
  });

  it.each(["x_a", "x a", "", "x-\u00e9", "\u212aey", "x".repeat(300)])("refuses %j each time", (name) => {
    for (let time = 0; time < 2; time += 1) expect(book.facts(name).complaint).toBeDefined();
  });

  it("lets nothing pass that the gateway writes itself", () => {
    for (const name of GATEWAY_NAMES) expect(book.facts(name).passes).toBe("never");
  });

  it("tells names apart that share their low bytes", () => {
    expect(book.facts("via").complaint).toBeUndefined();
    // latin1 would make it "via"
    expect(book.facts("\u0176i\u0161").complaint).toBeDefined();
    expect(book.facts("via").complaint).toBeUndefined();
  });

  it("answers right after many thousands of other names", () => {
    for (let at = 0; at < 5_000; at += 1) expect(book.facts(`x-${at}`).name).toBe(`x-${at}`);
    expect(book.facts("Host")).toMatchObject({ name: "host", isSingle: true });
  });
});
