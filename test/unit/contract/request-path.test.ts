import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { isNormalPath, normalisePath } from "@sallyport/contract/request-path.ts";

describe("normalisePath", () => {
  it.each([
    "/",
    "/v1/orders",
    "/v1/orders/",
    "/v1/orders/12345678-1234-1234-1234-123456789abc",
    "/a/b.c/d.tar.gz",
    "/.well-known/openid-configuration",
    "/...",
    "/..a/b..",
    "/v1/projects/p:cancel",
    "/odata/Orders(1)/Lines('x')",
    "/@scope/name",
    "/a,b/c=d/e&f",
    "/caf%C3%A9/%E6%97%A5%E6%9C%AC",
    "/a%20b/%5Bx%5D",
    "/price/100%25",
    "/100%2525/x",
    "/a%2Bb/a+b",
    "/sale/20%25off",
    "/%FCber",
    "/a|b/{id}/[0]",
    "/a%3Bb",
    "/!$&'()*+,=:@~_-",
  ])("leaves %s as it is", (path) => {
    expect(normalisePath(path)).toEqual({ ok: true, value: path });
    expect(isNormalPath(path)).toBe(true);
  });

  it.each([
    ["//", "/"],
    ["//a///b", "/a/b"],
    ["/a//", "/a/"],
    ["/./a/./b/.", "/a/b/"],
    ["/a/../b", "/b"],
    ["/a/b/..", "/a/"],
    ["/a/..", "/"],
    ["/a/../", "/"],
    ["/a/%2e%2e/b", "/b"],
    ["/a/.%2E/b", "/b"],
    ["/%2e/a", "/a"],
    ["/%61%62%7e%2D", "/ab~-"],
    ["/caf%c3%a9", "/caf%C3%A9"],
    ["/a%2bb", "/a%2Bb"],
  ])("turns %s into %s", (raw, normal) => {
    expect(normalisePath(raw)).toEqual({ ok: true, value: normal });
    expect(isNormalPath(raw)).toBe(false);
    expect(isNormalPath(normal)).toBe(true);
  });

  it.each([
    ["", "not-absolute"],
    ["a", "not-absolute"],
    ["*", "not-absolute"],
    ["http://h/a", "not-absolute"],
    ["/%", "malformed-escape"],
    ["/%2", "malformed-escape"],
    ["/%zz", "malformed-escape"],
    ["/%u002f", "malformed-escape"],
    ["/%2%65", "malformed-escape"],
    ["/a%2Fb", "encoded-separator"],
    ["/a%2fb", "encoded-separator"],
    ["/a%5Cb", "encoded-separator"],
    ["/a%00", "forbidden-character"],
    ["/a%0d%0ab", "forbidden-character"],
    ["/a%7f", "forbidden-character"],
    ["/a\\b", "forbidden-character"],
    ["/a\u0000", "forbidden-character"],
    ["/a b", "forbidden-character"],
    ["/a\tb", "forbidden-character"],
    ["/caf\u00e9", "forbidden-character"],
    ["/a?b", "forbidden-character"],
    ["/a#b", "forbidden-character"],
    ["/%252e%252e/a", "double-encoding"],
    ["/%252E/a", "double-encoding"],
    ["/a%252fb", "double-encoding"],
    ["/a%255cb", "double-encoding"],
    ["/a%2500", "double-encoding"],
    ["/a%250d", "double-encoding"],
    ["/a%25252e", "double-encoding"],
    ["/a%25%32%65", "double-encoding"],
    ["/a%252%65", "double-encoding"],
    ["/%25c0%25ae", "double-encoding"],
    ["/%C0%AF", "overlong-encoding"],
    ["/%c0%ae%c0%ae/", "overlong-encoding"],
    ["/%E0%80%AF", "overlong-encoding"],
    ["/%F0%80%80%AF", "overlong-encoding"],
    ["/%F8%80%80%80%AF", "overlong-encoding"],
    ["/a;x=1/b", "parameters"],
    ["/..;/admin", "parameters"],
    ["/;/admin", "parameters"],
    ["/..%3b/admin", "parameters"],
    ["/%2e%2e%3b/admin", "parameters"],
    ["/%3b/admin", "parameters"],
    ["/..", "above-root"],
    ["/a/../../b", "above-root"],
    ["/%2e%2e/%2e%2e/etc/passwd", "above-root"],
  ])("refuses %j as %s", (raw, problem) => {
    expect(normalisePath(raw)).toEqual({ ok: false, error: problem });
    expect(isNormalPath(raw)).toBe(false);
  });

  const piece = fc.constantFrom(
    ..."/.%;\\:aA2eEfF5cC0 +é".split(""),
    "%2e",
    "%2F",
    "%25",
    "%2",
    "..",
    "//",
    "%C3%A9",
    "%41",
    "%7e",
  );

  it("changes nothing when it is done again", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        const once = normalisePath(`/${pieces.join("")}`);
        if (once.ok) expect(normalisePath(once.value)).toEqual(once);
      }),
      { numRuns: 5000 },
    );
  });

  it("leaves nothing behind that a second decoding would turn into another path", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        const normal = normalisePath(`/${pieces.join("")}`);
        if (!normal.ok) return;
        expect(normal.value).not.toMatch(/\/\/|\/\.{1,2}(?:\/|$)|%(?![0-9A-F]{2})|%2F|%5C|%00/);
        const again = normal.value.replace(/%25/g, "%").replace(/%25/g, "%");
        expect(again).not.toMatch(/%2f|%5c|%2e|%00/i);
      }),
      { numRuns: 5000 },
    );
  });

  it("takes linear time on long hostile paths", () => {
    for (const part of ["/a", "/.", "/..", "%25", "%2", "a/", "/%2e", "//", "/a."]) normalisePath(`/${part.repeat(100_000)}`);
  });
});
