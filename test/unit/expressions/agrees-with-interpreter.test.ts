import { Environment } from "@marcbachmann/cel-js";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePredicate } from "../../../src/expressions/compile-predicate.ts";
import type { PredicateFacts } from "../../../src/expressions/facts.ts";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { fromPlain } from "../../../src/model/json.ts";
import { exchangeOf } from "../../support/exchange.ts";

// Expressions are evaluated by closures of our own; the library that checks them can evaluate them too, slower and unbounded.
// Both must say the same wherever the language is the same: names that are absent are ours to read as empty.

const BODY = {
  n: 3,
  half: 0.5,
  text: "abc",
  yes: true,
  nothing: null,
  list: [1, 2, 3],
  mixed: [1, "a", null, true],
  deep: { a: { b: "c" } },
  objects: [
    { id: "x", n: 1 },
    { id: "y", n: 2 },
  ],
};

const body = fromPlain(BODY);
if (!body.ok) throw new Error("the body is JSON");

const FACTS: PredicateFacts = {
  exchange: exchangeOf({
    head: { method: "GET", path: "/a/b", headers: HeaderLines.of(["x-a", "1"], ["x-b", "abc"]), query: "q=1&q=2&r=abc" },
    response: { status: 404 },
    labels: new Map([["tier", "abc"]]),
  }),
  route: { name: "abc", labels: { team: "a" } },
  requestBody: { format: "json", value: body.value },
  responseBody: undefined,
};

const CONTEXT = {
  request: {
    method: "GET",
    path: "/a/b",
    headers: { "x-a": "1", "x-b": "abc" },
    query: { q: ["1", "2"], r: ["abc"] },
    body: BODY,
  },
  response: { status: 404n },
  labels: { tier: "abc" },
  route: { name: "abc", labels: { team: "a" } },
};

function interpreter(): Environment {
  return new Environment()
    .registerType("Request", {
      fields: {
        method: "string",
        path: "string",
        headers: "map<string, string>",
        query: "map<string, list<string>>",
        body: "dyn",
      },
    })
    .registerType("Response", { fields: { status: "int" } })
    .registerType("Route", { fields: { name: "string", labels: "map<string, string>" } })
    .registerVariable("request", "Request")
    .registerVariable("response", "Response")
    .registerVariable("route", "Route")
    .registerVariable("labels", "map<string, string>");
}

const call =
  (template: (...parts: string[]) => string) =>
  (...parts: string[]): string =>
    template(...parts);

const expression = fc.letrec<Record<"bool" | "int" | "text" | "texts" | "ints" | "dyn", string>>((tie) => {
  const of = (template: (...parts: string[]) => string, ...names: ("bool" | "int" | "text" | "texts" | "ints" | "dyn")[]) =>
    fc.tuple(...names.map((name) => tie(name))).map((parts) => call(template)(...parts.map(String)));
  return {
    bool: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom(
        "true",
        "false",
        "has(request.body.n)",
        "has(request.body.zz)",
        '"x-a" in request.headers',
        '"zz" in request.headers',
      ),
      of((a, b) => `(${a} && ${b})`, "bool", "bool"),
      of((a, b) => `(${a} || ${b})`, "bool", "bool"),
      of((a) => `!(${a})`, "bool"),
      of((a, b) => `(${a} == ${b})`, "bool", "bool"),
      of((a, b) => `(${a} < ${b})`, "int", "int"),
      of((a, b) => `(${a} >= ${b})`, "int", "int"),
      of((a, b) => `(${a} != ${b})`, "text", "text"),
      of((a, b) => `(${a} <= ${b})`, "text", "text"),
      of((a, b) => `(${a} in ${b})`, "text", "texts"),
      of((a, b) => `(${a} in ${b})`, "int", "ints"),
      of((a, b) => `${a}.startsWith(${b})`, "text", "text"),
      of((a, b) => `${a}.endsWith(${b})`, "text", "text"),
      of((a, b) => `${a}.contains(${b})`, "text", "text"),
      of((a, b) => `(${a} == ${b})`, "texts", "texts"),
      of((a, b) => `(${a} == ${b})`, "dyn", "dyn"),
      of((a, b) => `(${a} == ${b})`, "dyn", "int"),
      of((a, b) => `(${a} != ${b})`, "dyn", "text"),
      of((a) => `(${a} > 1)`, "dyn"),
      of((a) => `(${a} == true)`, "dyn"),
      of((a, b) => `${a}.exists(v, v > 1 && ${b})`, "ints", "bool"),
      of((a, b) => `${a}.all(v, v == "a" || ${b})`, "texts", "bool"),
      of((a) => `${a}.exists_one(v, v == 2)`, "ints"),
      of((a) => `${a}.matches("^[a-c]+$")`, "text"),
    ),
    int: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom("0", "1", "-2", "3", "9223372036854775807", "response.status", "size(request.body.list)"),
      of((a, b) => `(${a} + ${b})`, "int", "int"),
      of((a, b) => `(${a} - (${b}))`, "int", "int"),
      of((a, b) => `(${a} * ${b})`, "int", "int"),
      of((a, b) => `(${a} / ${b})`, "int", "int"),
      of((a, b) => `(${a} % ${b})`, "int", "int"),
      of((a) => `size(${a})`, "text"),
      of((a) => `${a}.size()`, "texts"),
      of((a, b, c) => `(${a} ? ${b} : ${c})`, "bool", "int", "int"),
      of((a, b) => `${a}.indexOf(${b})`, "text", "text"),
    ),
    text: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(
        '"a"',
        '"abc"',
        '""',
        "request.method",
        "request.path",
        'request.headers["x-a"]',
        "request.headers['x-b']",
        "labels.tier",
        "route.name",
        "route.labels.team",
      ),
      of((a, b) => `(${a} + ${b})`, "text", "text"),
      of((a) => `${a}.lowerAscii()`, "text"),
      of((a) => `string(${a})`, "int"),
      of((a, b) => `${a}.substring(${b})`, "text", "int"),
      of((a, b) => `${a}[${b}]`, "texts", "int"),
      of((a) => `${a}.join("-")`, "texts"),
    ),
    texts: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom('["a", "abc"]', "request.query.q", "request.query['r']"),
      of((a, b) => `[${a}, ${b}]`, "text", "text"),
      of((a, b) => `(${a} + ${b})`, "texts", "texts"),
      of((a, b) => `${a}.filter(v, v != ${b})`, "texts", "text"),
      of((a, b) => `${a}.map(v, v + ${b})`, "texts", "text"),
      of((a) => `${a}.split("b")`, "text"),
    ),
    ints: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom("[1, 2, 3]", "[2]"),
      of((a, b) => `[${a}, ${b}]`, "int", "int"),
      of((a) => `${a}.map(v, v + 1)`, "ints"),
    ),
    dyn: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(
        "request.body.n",
        "request.body.half",
        "request.body.text",
        "request.body.yes",
        "request.body.nothing",
        "request.body.list",
        "request.body.list[1]",
        "request.body.deep.a",
        "request.body.deep.a.b",
        "request.body.zz",
        "request.body.objects[0]",
        "request.body.objects[1].id",
      ),
      of((a) => `request.body.list[${a}]`, "int"),
      of((a) => `request.body.objects.map(o, o.id + ${a})`, "text"),
      of((a) => `request.body.objects.filter(o, o.n > ${a})`, "int"),
    ),
  };
}).bool;

describe("closures and the library's interpreter", () => {
  it("answer alike for expressions of every kind", () => {
    const environment = interpreter();
    let compared = 0;
    fc.assert(
      fc.property(expression, (source) => {
        const compiled = compilePredicate(source, { phase: "post-response", hidden: { headers: new Set(), query: new Set() } });
        const theirs = environment.parse(source);
        const checks = theirs.check();
        // loops nested too deep are refused here and nowhere else
        if (!compiled.ok) {
          expect(
            checks.valid && !/nested|at most|maxDepth/.test(compiled.error.message),
            `${source}: ${compiled.error.message}`,
          ).toBe(false);
          return;
        }
        compared += 1;
        expect(compiled.value.evaluate(FACTS), source).toBe(interpret(theirs));
      }),
      { numRuns: 1000 },
    );
    expect(compared).toBeGreaterThan(500);
  });
});

function interpret(parsed: (context: object) => unknown): "match" | "no-match" | "error" {
  try {
    const value = parsed(CONTEXT);
    return value === true ? "match" : value === false ? "no-match" : "error";
  } catch {
    return "error";
  }
}
