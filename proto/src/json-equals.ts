import { isJsonArray, isJsonObject, RawNumber, type Json } from "./json-value.ts";

/**
 * Whether two values are equal as RFC 6902 section 4.6 means it: objects without regard to order, numbers by value.
 * Numbers compare exactly as written, so `1.0` equals `1`, and two integers beyond 2^53 that differ, differ. (An exponent
 * of more than 15 digits is compared as text.)
 */
export function jsonEquals(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (a === null || b === null) return false;
  if (isNumeric(a) || isNumeric(b)) return isNumeric(a) && isNumeric(b) && sameNumber(a, b);
  if (typeof a !== "object" || typeof b !== "object") return false;
  if (isJsonArray(a)) return isJsonArray(b) && sameItems(a, b);
  return isJsonObject(a) && isJsonObject(b) && sameMembers(a, b);
}

const isNumeric = (value: Json): value is number | RawNumber => typeof value === "number" || value instanceof RawNumber;

function sameItems(a: readonly Json[], b: readonly Json[]): boolean {
  return a.length === b.length && a.every((item, index) => jsonEquals(item, b[index] ?? null));
}

function sameMembers(a: ReadonlyMap<string, Json>, b: ReadonlyMap<string, Json>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, member] of a) {
    const other = b.get(name);
    if (other === undefined || !jsonEquals(member, other)) return false;
  }
  return true;
}

function sameNumber(a: number | RawNumber, b: number | RawNumber): boolean {
  if (typeof a === "number" && typeof b === "number") return a === b;
  return canonicalNumber(textOf(a)) === canonicalNumber(textOf(b));
}

const textOf = (value: number | RawNumber): string => (typeof value === "number" ? String(value) : value.text);

/** One text per numeric value: sign, digits without zeros at either end, and the power of ten they are multiplied by. */
function canonicalNumber(text: string): string {
  const parts = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?)0*([0-9]+))?$/.exec(text);
  if (parts === null) return text;
  const [, sign = "", whole = "", fraction = "", exponentSign = "", exponent = "0"] = parts;
  const digits = trimZeros(whole + fraction);
  if (digits.text === "") return "0";
  if (exponent.length > 15) return `${sign}${digits.text}e${exponentSign === "-" ? "-" : ""}${exponent}`;
  const power = Number(exponent) * (exponentSign === "-" ? -1 : 1) - fraction.length + digits.dropped;
  return `${sign}${digits.text}e${power}`;
}

// loops, not /0+$/: that expression takes quadratic time on a number with many zeros inside
function trimZeros(digits: string): { readonly text: string; readonly dropped: number } {
  let from = 0;
  let to = digits.length;
  while (from < to && digits.charCodeAt(from) === 0x30) from += 1;
  while (to > from && digits.charCodeAt(to - 1) === 0x30) to -= 1;
  return { text: digits.slice(from, to), dropped: digits.length - to };
}
