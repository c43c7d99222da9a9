import * as fc from "fast-check";

import { numberOf, type Json } from "@sallyport/contract/json-value.ts";

/** Numbers as people write them, most of which a double would not give back. */
export const numberText: fc.Arbitrary<string> = fc.oneof(
  fc.maxSafeInteger().map(String),
  fc.bigInt().map(String),
  fc.tuple(fc.nat(), fc.nat()).map(([whole, fraction]) => `${whole}.${fraction}0`),
  fc.tuple(fc.integer(), fc.integer({ min: -400, max: 400 })).map(([digits, power]) => `${digits}e${power}`),
  fc.tuple(fc.nat(), fc.nat({ max: 99 })).map(([digits, power]) => `-${digits}.5E+${power}`),
);

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom("__proto__", "constructor", "", "-", "0", '"\\/\b\f\n\r\t\u0000\u2028', "length"),
);

/** Any JSON value, numbers with odd spellings and members with odd names included. */
export const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json; list: readonly Json[]; object: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: "json" },
    fc.constantFrom<Json>(null, true, false),
    text,
    numberText.map((written) => numberOf(written) ?? 0),
    tie("list"),
    tie("object"),
  ),
  list: fc.array(tie("value"), { maxLength: 5, depthIdentifier: "json" }),
  object: fc
    .uniqueArray(fc.tuple(text, tie("value")), { selector: ([name]) => name, maxLength: 5, depthIdentifier: "json" })
    .map((members) => new Map(members)),
})).value;
