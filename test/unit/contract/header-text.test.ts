import { describe, expect, it } from "vitest";

import { isHeaderName, isHeaderValue, joinLines } from "@sallyport/contract/header-text.ts";

describe("isHeaderName", () => {
  it("accepts tokens in lower case", () => {
    for (const name of ["accept", "x-tenant-id", "x_y", "1", "!#$%&'*+-.^_`|~", "__proto__"])
      expect(isHeaderName(name)).toBe(true);
  });

  it("refuses upper case, pseudo-headers, separators, control characters and what is too long", () => {
    for (const name of ["", "Accept", ":path", "a b", "a:", "a\r\n", "a\n", "é", "a/b", "a".repeat(257)]) {
      expect(isHeaderName(name)).toBe(false);
    }
  });
});

describe("isHeaderValue", () => {
  it("accepts printable text up to U+00FF with tabs and spaces inside", () => {
    for (const value of ["", "a", "a b\tc", "caf\u00e9", "\u0080\u00ff", '"quoted, text"'])
      expect(isHeaderValue(value)).toBe(true);
  });

  it("refuses line breaks, NUL, other control characters, white space at an end and code points above U+00FF", () => {
    for (const value of ["a\r\nb", "a\n", "\ra", "a\u0000", "\u001b[0m", "a\u007f", " a", "a ", "\ta", "\u0100", "日"]) {
      expect(isHeaderValue(value)).toBe(false);
    }
  });

  it("takes linear time on a long value that fails at its end", () => {
    expect(isHeaderValue(`${"a ".repeat(500_000)}\n`)).toBe(false);
  });
});

describe("joinLines", () => {
  it("joins by a comma, cookies by a semicolon", () => {
    expect(joinLines("accept", ["a", "b"])).toBe("a, b");
    expect(joinLines("cookie", ["a=1", "b=2"])).toBe("a=1; b=2");
    expect(joinLines("x", ["only"])).toBe("only");
    expect(joinLines("x", [])).toBe("");
  });
});
