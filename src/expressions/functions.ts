import { int64 } from "./operators.ts";
import { entriesOf, isList, type Value } from "./values.ts";
import { FAULT, type Work } from "./work.ts";

/** A function or method; the receiver of a method is its first argument. */
export interface Callable {
  /** Counts of arguments it takes. */
  readonly arity: readonly number[];
  readonly call: (args: readonly Value[], work: Work) => Value;
}

/** Functions a condition may call. What is missing from the language has no use here: there are no times, types and unsigned numbers in a view. */
export const FUNCTIONS: Readonly<Record<string, Callable>> = {
  size: { arity: [1], call: ([value = null], work) => sizeOf(value, work) },
  dyn: { arity: [1], call: ([value = null]) => value },
  int: { arity: [1], call: ([value = null]) => toInt(value) },
  double: { arity: [1], call: ([value = null]) => toDouble(value) },
  string: { arity: [1], call: ([value = null]) => toText(value) },
  bool: { arity: [1], call: ([value = null]) => toBool(value) },
};

/** Methods a condition may call, `matches` excepted: its pattern is compiled at load. */
export const METHODS: Readonly<Record<string, Callable>> = {
  size: { arity: [1], call: ([value = null], work) => sizeOf(value, work) },
  startsWith: onTexts((text, part) => text.startsWith(part)),
  endsWith: onTexts((text, part) => text.endsWith(part)),
  contains: onTexts((text, part) => text.includes(part)),
  indexOf: onTexts((text, part) => BigInt(text.indexOf(part))),
  lastIndexOf: onTexts((text, part) => BigInt(text.lastIndexOf(part))),
  split: {
    arity: [2],
    call: ([text = null, separator = null], work) => split(textOf(text, work), textOf(separator, work), work),
  },
  // ASCII and nothing else, as the names say
  lowerAscii: onText((text) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())),
  upperAscii: onText((text) => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase())),
  trim: onText((text) => text.trim()),
  substring: { arity: [2, 3], call: ([text = null, start = null, end], work) => substring(textOf(text, work), start, end) },
  join: { arity: [1, 2], call: ([list = null, separator = ""], work) => join(list, textOf(separator, work), work) },
};

function onText(call: (text: string) => Value): Callable {
  return { arity: [1], call: ([text = null], work) => call(textOf(text, work)) };
}

function onTexts(call: (text: string, other: string) => Value): Callable {
  return { arity: [2], call: ([text = null, other = null], work) => call(textOf(text, work), textOf(other, work)) };
}

/** The value if it is a string; reading it is booked as work by its length. */
export function textOf(value: Value, work: Work): string {
  if (typeof value !== "string") throw FAULT;
  work.spend(1 + (value.length >> 4));
  return value;
}

function sizeOf(value: Value, work: Work): bigint {
  if (typeof value === "string") {
    work.spend(value.length >> 2);
    let points = 0;
    for (const _ of value) points += 1;
    return BigInt(points);
  }
  if (isList(value) || value instanceof Uint8Array) return BigInt(value.length);
  const entries = entriesOf(value);
  if (entries === undefined) throw FAULT;
  return BigInt(entries.size);
}

function substring(text: string, start: Value, end: Value = BigInt(text.length)): string {
  if (typeof start !== "bigint" || typeof end !== "bigint") throw FAULT;
  if (start < 0n || end < start || end > BigInt(text.length)) throw FAULT;
  return text.slice(Number(start), Number(end));
}

function split(text: string, separator: string, work: Work): readonly string[] {
  const parts = text.split(separator);
  work.spend(parts.length);
  return parts;
}

function join(list: Value, separator: string, work: Work): string {
  if (!isList(list)) throw FAULT;
  return list.map((item) => textOf(item, work)).join(separator);
}

function toInt(value: Value): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isFinite(value)) return int64(BigInt(Math.trunc(value)));
  if (typeof value === "string" && /^-?\d{1,19}$/.test(value)) return int64(BigInt(value));
  throw FAULT;
}

function toDouble(value: Value): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string" && /^-?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,4})?$/.test(value)) return Number(value);
  throw FAULT;
}

function toText(value: Value): string {
  if (typeof value === "string") return value;
  if (typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  throw FAULT;
}

function toBool(value: Value): boolean {
  if (typeof value === "boolean") return value;
  if (value === "true") return true;
  if (value === "false") return false;
  throw FAULT;
}
