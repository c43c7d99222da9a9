import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RequestHead } from "../../../src/model/exchange.ts";
import type { Selector } from "../../../src/model/plan.ts";
import { selectorIndex } from "../../../src/plan/selector-index.ts";
import { headTest } from "../../../src/plan/selector-match.ts";
import { exchangeOf } from "../../support/exchange.ts";

const selector = (parts: Partial<Selector>): Selector => ({ routes: ["orders"], manifest: {}, ...parts });

const headOf = (parts: Partial<RequestHead>): RequestHead => exchangeOf({ head: parts }).head;

/** What the index must say, by testing one after the other. */
const oneByOne = (selectors: readonly Selector[], head: RequestHead): readonly number[] =>
  selectors.flatMap((each, rank) => (headTest(each)?.(head) === false ? [] : [rank]));

const segment = fc.constantFrom("a", "a:b", "a%3Ab", "*", ":id");
const path = fc
  .tuple(fc.array(segment, { maxLength: 2 }), fc.constantFrom("", "/", "/**", "/**"))
  .map(([segments, end]) => `/${segments.map((text, at) => (text === ":id" ? `:id${at}` : text)).join("/")}${end}`)
  .map((source) => source.replace("//", "/"));
const host = fc.constantFrom("a.org", "b.a.org", "*.org", "*.a.org", "*.b.a.org", "org", "[::1]");
const method = fc.constantFrom("GET", "HEAD", "POST", "PURGE");
const lists = {
  hosts: fc.uniqueArray(host, { minLength: 1, maxLength: 4 }),
  paths: fc.uniqueArray(path, { minLength: 1, maxLength: 4 }),
  methods: fc.uniqueArray(method, { maxLength: 3 }),
};
const side = fc.oneof(fc.constant({}), fc.record(lists, { requiredKeys: [] }));
const anySelector = fc.tuple(side, side).map(([operator, manifest]) => selector({ ...operator, manifest }));
const anyHead = fc
  .record({
    host: fc.constantFrom("a.org", "b.a.org:8080", "c.b.a.org", "org", "x.org", ".org", "[::1]:80", "c.com", ""),
    method: fc.constantFrom("GET", "HEAD", "POST", "OPTIONS"),
    path: fc
      .tuple(fc.array(fc.constantFrom("a", "a:b", "a%3Ab", "%3Aid", "%2525", ""), { maxLength: 3 }), fc.boolean())
      .map(([segments, slash]) => `/${segments.join("/")}${slash ? "/" : ""}`),
  })
  .map(headOf);

describe("selectorIndex", () => {
  it("finds what testing one after the other finds, in the same order", () => {
    let found = 0;
    fc.assert(
      fc.property(
        fc.array(anySelector, { maxLength: 12 }),
        fc.array(anyHead, { minLength: 6, maxLength: 6 }),
        (selectors, heads) => {
          const index = selectorIndex(selectors);
          for (const head of heads) {
            const expected = oneByOne(selectors, head);
            found += expected.length;
            expect(index(head)).toEqual(expected);
          }
        },
      ),
      { numRuns: 3000 },
    );
    expect(found).toBeGreaterThan(5000);
  });

  it("does so for lists too long to be placed in every combination", () => {
    const many = (make: (at: number) => string): readonly string[] => Array.from({ length: 40 }, (_, at) => make(at));
    const wide = selector({ hosts: many((at) => `h${at}.org`), paths: many((at) => `/p${at}/*`), methods: ["GET", "PUT"] });
    const turned = selector({ hosts: wide.hosts ?? [], manifest: { paths: wide.paths ?? [], methods: ["POST"] } });
    const selectors = [wide, turned, selector({ paths: wide.paths ?? [] }), selector({ hosts: ["h1.org"] })];
    const index = selectorIndex(selectors);
    for (const made of [
      "GET h1.org /p3/x",
      "HEAD h9.org /p3/x",
      "POST h39.org /p39/x",
      "PUT h1.org /p40/x",
      "GET h40.org /p1/",
    ]) {
      const [method = "", name = "", of = ""] = made.split(" ");
      const head = headOf({ method, host: name, path: of });
      expect([made, index(head)]).toEqual([made, oneByOne(selectors, head)]);
    }
  });

  it("finds a selector without lists always, and one whose list is empty never", () => {
    const index = selectorIndex([selector({}), selector({ paths: [] }), selector({ hosts: [] }), selector({ methods: [] })]);
    expect(index(headOf({}))).toEqual([0, 3]);
  });

  it("gives the same empty list wherever nothing matches", () => {
    const index = selectorIndex([selector({ paths: ["/a"] })]);
    expect(index(headOf({ path: "/b" }))).toBe(index(headOf({ path: "/c/d" })));
  });

  it("fails loudly on a pattern that is none: nothing may pass unreviewed by mistake", () => {
    expect(() => selectorIndex([selector({ paths: ["/a*"] })])).toThrow("path pattern");
    expect(() => selectorIndex([selector({ paths: ["/a"], manifest: { paths: ["/a*"] } })])).toThrow("path pattern");
  });

  it.each([
    ["of paths", (at: number) => ({ paths: [`/services/${at}/**`] })],
    ["of hosts that share a path", (at: number) => ({ hosts: [`h${at}.org`], paths: ["/**"] })],
    ["of manifests' paths below one path", (at: number) => ({ paths: ["/**"], manifest: { paths: [`/services/${at}/**`] } })],
    ["of methods", () => ({ methods: ["PURGE"] })],
  ])("looks at none of ten thousand selectors that lie elsewhere (%s)", (_, parts) => {
    const selectors = Array.from({ length: 10_000 }, (_each, at) => selector(parts(at)));
    const tested: string[] = [];
    const index = selectorIndex(selectors);
    // every test of a head reads its method or its path again: a walk reads each a handful of times
    const head = new Proxy(headOf({ path: "/plain/orders/42", host: "x.com" }), {
      get(target, key) {
        tested.push(String(key));
        return Reflect.get(target, key) as unknown;
      },
    });
    expect(index(head)).toEqual([]);
    expect(tested.length).toBeLessThan(10);
  });
});
