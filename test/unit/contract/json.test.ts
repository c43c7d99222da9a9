import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  checkJson,
  fromPlain,
  jsonEquals,
  jsonTreeBytes,
  parseJson,
  RawNumber,
  stringifyJson,
  toPlain,
  type Json,
} from "@sallyport/contract/json.ts";
import { measure, type KnownMeasures } from "@sallyport/contract/json-measure.ts";
import { json, numberText } from "../../support/json-arbitrary.ts";

const parsed = (text: string): Json => {
  const answer = parseJson(text);
  if (!answer.ok) throw new Error(`${answer.error.kind} at ${answer.error.offset}`);
  return answer.value;
};

describe("parseJson", () => {
  it.each([
    ["", 0],
    [" ", 1],
    ["\uFEFF1", 0],
    ["1 2", 2],
    ["{}x", 2],
    ["[1,]", 3],
    ["[,1]", 1],
    ["[1 2]", 3],
    ["[1", 2],
    ['{"a":1,}', 7],
    ['{"a" 1}', 5],
    ["{a:1}", 1],
    ['{"a":}', 5],
    ['{"a":1', 6],
    ["'a'", 0],
    ['"a', 2],
    ['"a\nb"', 2],
    ['"\u0000"', 1],
    ['"\\x41"', 1],
    ['"\\u12g4"', 1],
    ['"\\u12"', 1],
    ['"\\ud800"', 1],
    ['"\\ud800\\u0041"', 1],
    ['"\\udc00\\ud800"', 1],
    ['"\ud800"', 1],
    ['"\udc00\ud800"', 1],
    ["tru", 0],
    ["nul", 0],
    ["True", 0],
    ["truex", 4],
    ["undefined", 0],
    ["NaN", 0],
    ["Infinity", 0],
    ["+1", 0],
    ["01", 1],
    ["-", 0],
    ["-a", 0],
    [".5", 0],
    ["1.", 1],
    ["1e", 1],
    ["0x10", 1],
    ["1_000", 1],
    ["/* */1", 0],
    ["[1]//", 3],
    ["\u00a01", 0],
  ])("refuses %j as malformed at offset %d", (text, offset) => {
    expect(parseJson(text)).toEqual({ ok: false, error: { kind: "malformed", offset } });
  });

  it("refuses an object that names a member twice, also when one spelling is escaped", () => {
    expect(parseJson('{"a":1,"b":2,"a":3}')).toEqual({ ok: false, error: { kind: "duplicate-key", offset: 13 } });
    expect(parseJson('{"a":1,"\\u0061":2}')).toEqual({ ok: false, error: { kind: "duplicate-key", offset: 7 } });
    expect(parseJson('[{"a":1},{"a":1}]').ok).toBe(true);
  });

  it("accepts 128 levels and refuses 129, without walking further", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    expect(parseJson(nested(128)).ok).toBe(true);
    expect(parseJson(nested(129))).toEqual({ ok: false, error: { kind: "too-deep", offset: 128 } });
    expect(parseJson("[".repeat(1_000_000))).toEqual({ ok: false, error: { kind: "too-deep", offset: 128 } });
    expect(parseJson('{"a":'.repeat(1_000_000))).toMatchObject({ ok: false, error: { kind: "too-deep" } });
    expect(parseJson("[[1]]", { maxDepth: 1 })).toMatchObject({ ok: false, error: { kind: "too-deep" } });
  });

  it("keeps a member called __proto__ as a member", () => {
    const value = parsed('{"__proto__":{"admin":true}}');
    expect(value).toEqual(new Map([["__proto__", new Map([["admin", true]])]]));
    expect(stringifyJson(value)).toBe('{"__proto__":{"admin":true}}');
  });

  it("keeps numbers as ordinary numbers exactly where that keeps their text", () => {
    expect(parsed("[0,1,-1,0.5,1e+21]")).toEqual([0, 1, -1, 0.5, 1e21]);
    for (const text of ["1.0", "1e5", "-0", "12345678901234567890", "1E2", "1e400", "0.10"]) {
      expect(parsed(text)).toEqual(new RawNumber(text));
    }
  });

  it("agrees with JSON.parse on every text that one accepts, except where it is stricter on purpose", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        const answer = parseJson(text);
        if (answer.ok) expect(toPlain(answer.value)).toEqual(JSON.parse(text));
        else expect(answer.error.kind === "duplicate-key" || !JSON.parse(JSON.stringify(text)).isWellFormed()).toBe(true);
      }),
    );
  });

  it("never throws and never accepts what JSON.parse refuses", () => {
    const soup = fc.array(fc.constantFrom(...'{}[]",:\\u0123eE+-.tfnlrsa \n\ud800\udc00x'.split("")), { maxLength: 40 });
    fc.assert(
      fc.property(soup, (characters) => {
        const text = characters.join("");
        if (parseJson(text).ok) expect(() => JSON.parse(text)).not.toThrow();
      }),
      { numRuns: 3000 },
    );
  });
});

describe("checkJson", () => {
  it("finds the problem that parseJson finds, or none", () => {
    const soup = fc.array(fc.constantFrom('{"a":', '"b"', "}", "[", "]", ",", "1.5", "null", '{"a":1,"a":2}', "{}", " "), {
      maxLength: 10,
    });
    fc.assert(
      fc.property(
        fc.oneof(
          json.map(stringifyJson),
          soup.map((parts) => parts.join("")),
        ),
        (text) => {
          const answer = parseJson(text);
          expect(checkJson(text)).toEqual(answer.ok ? undefined : answer.error);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("refuses what nests deeper than asked for", () => {
    expect(checkJson("[[1]]", { maxDepth: 2 })).toBeUndefined();
    expect(checkJson("[[1]]", { maxDepth: 1 })).toEqual({ kind: "too-deep", offset: 1 });
  });
});

describe("stringifyJson", () => {
  it("gives back every canonical text byte for byte", () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = stringifyJson(value);
        expect(stringifyJson(parsed(text))).toBe(text);
        expect(parsed(text)).toEqual(value);
      }),
    );
  });

  it("gives back every number as it was written", () => {
    fc.assert(
      fc.property(numberText, (text) => {
        expect(stringifyJson(parsed(text))).toBe(text);
      }),
    );
  });

  it("writes strings as JSON.stringify does and leaves no white space", () => {
    expect(stringifyJson(parsed(' { "a" : [ 1 , "\\u0041\\/\\n" , null ] } '))).toBe('{"a":[1,"A/\\n",null]}');
  });
});

describe("jsonEquals", () => {
  it.each([
    ["1", "1.0", true],
    ["100", "1e2", true],
    ["0.1", "0.10", true],
    ["0", "-0", true],
    ["0e5", "0.00", true],
    ["1e400", "10e399", true],
    ["1e400", "1e401", false],
    ["1e-400", "0", false],
    ["12345678901234567890", "12345678901234567890.0", true],
    ["12345678901234567890", "12345678901234567891", false],
    ["9007199254740993", "9007199254740992", false],
    ["-1", "1", false],
    ["1e9999999999999999", "1e+9999999999999999", true],
    ["1e9999999999999999", "1e-9999999999999999", false],
    ["1", '"1"', false],
    ["null", "false", false],
    ["[]", "{}", false],
    ["[1,2]", "[2,1]", false],
    ["[1]", "[1,null]", false],
    ['{"a":1,"b":[2]}', '{"b":[2.0],"a":1}', true],
    ['{"a":1}', '{"b":1}', false],
    ['{"a":null}', "{}", false],
  ])("%s and %s: %s", (a, b, equal) => {
    expect(jsonEquals(parsed(a), parsed(b))).toBe(equal);
    expect(jsonEquals(parsed(b), parsed(a))).toBe(equal);
  });

  it("finds every value equal to itself read again", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(jsonEquals(value, parsed(stringifyJson(value)))).toBe(true);
      }),
    );
  });

  it("compares numbers with very many digits in linear time", () => {
    const zeros = "0".repeat(200_000);
    expect(jsonEquals(parsed(`1${zeros}1`), parsed(`1${zeros}2`))).toBe(false);
  });
});

describe("fromPlain and toPlain", () => {
  it("see ordinary values as JSON.stringify does", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const answer = fromPlain(value);
        if (!answer.ok) return;
        expect(stringifyJson(answer.value)).toBe(JSON.stringify(value));
        expect(toPlain(answer.value)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("drop undefined members and turn undefined items into null", () => {
    const answer = fromPlain({ a: undefined, b: [undefined, 1], c: -0 });
    expect(answer.ok && stringifyJson(answer.value)).toBe('{"b":[null,1],"c":0}');
  });

  it("keep large integers that come as bigint", () => {
    const answer = fromPlain({ id: 12345678901234567890n, small: 7n });
    expect(answer.ok && stringifyJson(answer.value)).toBe('{"id":12345678901234567890,"small":7}');
  });

  it("keep a member called __proto__ as an own property", () => {
    const plain = toPlain(parsed('{"__proto__":{"admin":true},"a":1}'));
    expect(Object.keys(Object(plain))).toEqual(["__proto__", "a"]);
    expect(Object(plain).admin).toBeUndefined();
    expect(Object.getPrototypeOf(plain)).toBe(Object.prototype);
    expect(fromPlain(plain)).toEqual({ ok: true, value: parsed('{"__proto__":{"admin":true},"a":1}') });
  });

  it.each([
    ["a function", { a: () => 1 }],
    ["undefined itself", undefined],
    ["a symbol", [Symbol("x")]],
    ["NaN", { a: Number.NaN }],
    ["infinity", { a: Number.POSITIVE_INFINITY }],
    ["a lone surrogate", "\ud800"],
    ["a lone surrogate in a name", { "\udc00": 1 }],
    ["an instance of a class", { at: new Date(0) }],
    ["a raw number that is none", new RawNumber("1;drop")],
    ["a map whose keys are no strings", new Map([[1, 2]])],
  ])("refuse %s", (_name, value) => {
    expect(fromPlain(value).ok).toBe(false);
  });

  it("refuse a value that contains itself", () => {
    const self: { me?: unknown } = {};
    self.me = self;
    expect(fromPlain(self)).toMatchObject({ ok: false, error: expect.stringContaining("128 levels") });
  });

  it("say where the value is that has no JSON form", () => {
    expect(fromPlain({ list: [1, { x: Number.NaN }] })).toEqual({
      ok: false,
      error: 'NaN has no JSON form (at "/list/1/x")',
    });
  });
});

describe("jsonTreeBytes", () => {
  it("grows with what the text makes, not with its length alone", () => {
    const text = "x".repeat(7_000);
    expect(jsonTreeBytes(`"${text}"`)).toBeLessThan(20_000);
    expect(jsonTreeBytes(`[${Array.from({ length: 1_000 }, () => '{"":0}').join()}]`)).toBeGreaterThan(180_000);
  });

  it("takes what stands inside a string for text", () => {
    expect(jsonTreeBytes(JSON.stringify('{"[,:\\'.repeat(100)))).toBeLessThan(4_000);
  });
});

describe("measure", () => {
  it("measures the same with what it knows of parts as without, and never keeps what may change", () => {
    fc.assert(
      fc.property(json, fc.boolean(), (value, changes) => {
        // large enough to be kept
        const large = [value, "x".repeat(2_000), [value, "y".repeat(2_000)]];
        const known: KnownMeasures = { sizes: new WeakMap(), changes: () => changes };
        expect(measure(large, known)).toMatchObject(measure(large));
        expect(known.sizes.has(large)).toBe(!changes);
        const around = [[large], large];
        const { bytes, depth } = measure(around, known);
        expect({ bytes, depth }).toMatchObject({ bytes: measure(around).bytes, depth: measure(around).depth });
      }),
    );
  });
});
