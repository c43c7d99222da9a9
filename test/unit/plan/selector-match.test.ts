import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePathPattern } from "../../../src/config/path-pattern.ts";
import type { RequestHead } from "../../../src/model/exchange.ts";
import { comparablePath } from "../../../src/model/path-pattern.ts";
import type { Selector } from "../../../src/model/plan.ts";
import { normalisePath } from "../../../src/model/request-path.ts";
import { coversHost, coversPattern, hostName, matchesHost, matchesPattern } from "../../../src/plan/match-pattern.ts";
import { headTest } from "../../../src/plan/selector-match.ts";
import { issuesOf } from "../../support/config-text.ts";
import { exchangeOf } from "../../support/exchange.ts";
import { configText, route } from "../../support/plan.ts";

const selector = (parts: Partial<Selector>): Selector => ({ routes: ["orders"], manifest: {}, ...parts });

const matches = (parts: Partial<Selector>, head: Partial<RequestHead>): boolean =>
  headTest(selector(parts))?.(exchangeOf({ head }).head) ?? true;

describe("headTest", () => {
  it("is nothing where there is nothing to test: routes, principals, labels and conditions are not the head's to answer", () => {
    expect(headTest(selector({}))).toBeUndefined();
    expect(headTest(selector({ principals: ["a"], labels: { a: "b" }, when: "true" }))).toBeUndefined();
  });

  it("takes one entry of each list, and every list", () => {
    const parts = { methods: ["GET", "POST"], hosts: ["a.org", "*.b.org"], paths: ["/x/**", "/y"] };
    expect(matches(parts, { method: "POST", host: "api.b.org:8080", path: "/y" })).toBe(true);
    expect(matches(parts, { method: "HEAD", host: "a.org", path: "/x" })).toBe(true);
    expect(matches(parts, { method: "PUT", host: "a.org", path: "/x" })).toBe(false);
    expect(matches(parts, { method: "GET", host: "b.org", path: "/x" })).toBe(false);
    expect(matches(parts, { method: "GET", host: "a.org", path: "/y/z" })).toBe(false);
  });

  it("needs the manifest's lists as well as the operator's (C30)", () => {
    const parts = { paths: ["/v1/**"], manifest: { methods: ["POST"], paths: ["/v1/orders/**"], hosts: ["*.org"] } };
    expect(matches(parts, { method: "POST", path: "/v1/orders/7" })).toBe(true);
    expect(matches(parts, { method: "GET", path: "/v1/orders/7" })).toBe(false);
    expect(matches(parts, { method: "POST", path: "/v1/users/7" })).toBe(false);
    expect(matches(parts, { method: "POST", path: "/v1/orders/7", host: "example.com" })).toBe(false);
  });

  it("includes HEAD in GET, and not the other way round (C26)", () => {
    expect(matches({ methods: ["GET"] }, { method: "HEAD" })).toBe(true);
    expect(matches({ methods: ["HEAD"] }, { method: "GET" })).toBe(false);
  });

  it.each([
    "/v1/items:archive",
    "/v1/items%3Aarchive",
    "/v1//items%3aarchive",
    "/v1/./items:archive",
    "/v1/x/../items:archive",
    "/v1/%69tems:archive",
    "//v1/items%3Aarchive",
  ])("is not escaped by sending %s", (sent) => {
    const normal = normalisePath(sent);
    expect(matches({ paths: ["/v1/items:archive"] }, { path: normal.ok ? normal.value : "refused" })).toBe(true);
  });

  it.each([
    "/v1%2Fitems:archive",
    "/v1\\items:archive",
    "/v1/items:archive;x=1",
    "/v1/items:archive%00",
    "/v1/items%253Aarchive/%252e",
  ])("never sees %s: it is refused before", (sent) => {
    expect(normalisePath(sent).ok).toBe(false);
  });

  it("fails loudly on a plan with a pattern that is none: nothing may pass unreviewed by mistake", () => {
    expect(() => headTest(selector({ paths: ["/a*"] }))).toThrow("path pattern");
  });
});

describe("comparablePath", () => {
  it("gives one spelling to all paths that differ in escapes of printable characters only", () => {
    const plain = fc.string({ unit: fc.constantFrom(..."abZ09-._~!$&'()*+,=:@".split("")), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(plain, fc.infiniteStream(fc.boolean()), (text, escapes) => {
        const sent = text
          .split("")
          .map((each) => (escapes.next().value ? `%${each.charCodeAt(0).toString(16)}` : each))
          .join("");
        const [one, other] = [normalisePath(`/x${text}`), normalisePath(`/x${sent}`)];
        expect(one.ok && comparablePath(one.value)).toBe(other.ok && comparablePath(other.value));
      }),
    );
  });

  it("makes a tie of two routes that differ in spelling only", async () => {
    const routes = ["/a:b", "/a%3Ab"].map((path, index) => route(`r${index}`, { match: { path } }));
    expect(await issuesOf(configText({ routes }))).toEqual([expect.stringContaining("matches the same requests as route")]);
  });

  it("is its own spelling, and keeps the number of segments", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."a%2345BCDEFf:/@[".split("")), maxLength: 16 }), (rest) => {
        const normal = normalisePath(`/${rest}`);
        if (!normal.ok) return;
        const comparable = comparablePath(normal.value);
        expect(comparable.split("/")).toHaveLength(normal.value.split("/").length);
        expect(comparablePath(comparable)).toBe(comparable);
      }),
      { numRuns: 3000 },
    );
  });
});

const pattern = (source: string) => {
  const parsed = parsePathPattern(source);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};

describe("matchesPattern", () => {
  it.each([
    ["/", ["/"], ["/a"]],
    ["/a", ["/a"], ["/", "/a/", "/ab", "/a/b"]],
    ["/a/", ["/a/"], ["/a", "/a/b"]],
    ["/*", ["/a"], ["/", "/a/"]],
    ["/a/*", ["/a/b"], ["/a", "/a/", "/a/b/", "/a/b/c"]],
    ["/a/:id/c", ["/a/b/c"], ["/a/b", "/a//c"]],
    ["/a/**", ["/a", "/a/", "/a/b", "/a/b/"], ["/", "/ab"]],
    ["/**", ["/", "/a/b"], []],
  ])("%s takes %j and not %j", (source, yes, no) => {
    for (const path of yes) expect([path, matchesPattern(pattern(source), path)]).toEqual([path, true]);
    for (const path of no) expect([path, matchesPattern(pattern(source), path)]).toEqual([path, false]);
  });
});

describe("coversPattern", () => {
  const source = fc
    .tuple(fc.array(fc.constantFrom("a", "b", "*"), { maxLength: 3 }), fc.constantFrom("", "/", "/**"))
    .map(([segments, end]) => `/${segments.join("/")}${end}`.replace("//", "/"));
  const path = fc
    .tuple(fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 4 }), fc.boolean())
    .map(([segments, slash]) => `/${segments.join("/")}${slash ? "/" : ""}`.replace("//", "/"));

  it("holds only where every path of the inner pattern is one of the outer", () => {
    let covered = 0;
    fc.assert(
      fc.property(source, source, fc.array(path, { minLength: 20, maxLength: 20 }), (outer, inner, paths) => {
        if (!coversPattern(pattern(outer), pattern(inner))) return;
        covered += 1;
        for (const each of paths)
          if (matchesPattern(pattern(inner), each))
            expect([outer, inner, matchesPattern(pattern(outer), each)]).toEqual([outer, inner, true]);
      }),
      { numRuns: 3000 },
    );
    expect(covered).toBeGreaterThan(100);
  });

  it.each([
    ["/**", "/", true],
    ["/**", "/a/b/**", true],
    ["/a/**", "/a", true],
    ["/a/**", "/a/", true],
    ["/a/*", "/a/:id", true],
    ["/a/*", "/a/b", true],
    ["/a/*", "/a/", false],
    ["/a/*", "/a/**", false],
    ["/a/b", "/a/*", false],
    ["/a", "/a/**", false],
    ["/a/**", "/**", false],
    ["/a:b", "/a%3Ab", true],
  ])("%s covers %s: %s", (outer, inner, covers) => {
    expect(coversPattern(pattern(outer), pattern(inner))).toBe(covers);
  });
});

describe("hosts", () => {
  it.each([
    ["example.org", "example.org", true],
    ["*.example.org", "a.example.org", true],
    ["*.example.org", "a.b.example.org", true],
    ["*.example.org", "example.org", false],
    ["*.example.org", ".example.org", false],
    ["*.example.org", "evilexample.org", false],
    ["example.org", "a.example.org", false],
  ])("%s matches %s: %s", (hostPattern, host, expected) => {
    expect(matchesHost(hostPattern, host)).toBe(expected);
  });

  it.each([
    ["*.org", "*.example.org", true],
    ["*.org", "example.org", true],
    ["*.example.org", "*.example.org", true],
    ["*.example.org", "*.org", false],
    ["a.example.org", "*.example.org", false],
    ["*.example.org", "example.org", false],
  ])("%s covers %s: %s", (outer, inner, expected) => {
    expect(coversHost(outer, inner)).toBe(expected);
  });

  it.each([
    ["example.org:80", "example.org"],
    ["example.org", "example.org"],
    ["[::1]:80", "[::1]"],
    ["[::1]", "[::1]"],
  ])("of %s is %s", (host, name) => {
    expect(hostName(host)).toBe(name);
  });
});
