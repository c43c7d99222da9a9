import { RawNumber, type Json } from "../model/json.ts";
import { FAULT, type Work } from "./work.ts";

/** A value of the expression language: `bigint` is its int, `number` its double. JSON is used as it is. */
export type Value =
  | null
  | boolean
  | string
  | bigint
  | number
  | Uint8Array
  | readonly Value[]
  | ReadonlyMap<string, Value>
  | NamedValues
  | RawNumber;

/** Headers, query names or labels: read where they are, by name. */
export class NamedValues {
  /** What a name that is not there reads as (C22). */
  readonly absent: Value;
  /** Undefined where there is none, or where it is hidden. */
  readonly read: (name: string) => Value | undefined;
  readonly names: () => readonly string[];

  constructor(absent: Value, read: (name: string) => Value | undefined, names: () => readonly string[]) {
    this.absent = absent;
    this.read = read;
    this.names = names;
  }
}

/** Tells a list from the other values. */
export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

/** A number as it is computed with: an integer of 64 bits that a double would change is exact, the rest are doubles. */
export function toValue(json: Json | Value): Value {
  if (!(json instanceof RawNumber)) return json;
  if (/^-?\d+$/.test(json.text) && json.text.length <= 20) {
    const exact = BigInt(json.text);
    if (BigInt.asIntN(64, exact) === exact) return exact;
  }
  return Number(json.text);
}

/** Deep equality; values of different types are different, numbers are compared by what they stand for. */
export function equals(one: Value, other: Value, work: Work): boolean {
  work.spend(1);
  const [a, b] = [toValue(one), toValue(other)];
  if (typeof a === "string") {
    // texts of one length are compared to the end
    if (typeof b === "string" && a.length === b.length) work.spend(a.length >> 6);
    return a === b;
  }
  if (a === b) return true;
  // eslint-disable-next-line eqeqeq -- the comparison of int and double that loses nothing
  if (isNumeric(a) && isNumeric(b)) return a == b;
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
  if (isList(a)) return isList(b) && sameItems(a, b, work);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && sameBytes(a, b, work);
  const [left, right] = [entriesOf(a), entriesOf(b)];
  return left !== undefined && right !== undefined && sameEntries(left, right, work);
}

const isNumeric = (value: Value): value is bigint | number => typeof value === "bigint" || typeof value === "number";

function sameItems(a: readonly Value[], b: readonly Value[], work: Work): boolean {
  return a.length === b.length && a.every((item, index) => equals(item, b[index] ?? null, work));
}

function sameBytes(a: Uint8Array, b: Uint8Array, work: Work): boolean {
  work.spend(a.length >> 2);
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function sameEntries(a: ReadonlyMap<string, Value>, b: ReadonlyMap<string, Value>, work: Work): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (other === undefined || !equals(value, other, work)) return false;
  }
  return true;
}

/** The members of a map; undefined for what is none. */
export function entriesOf(value: Value): ReadonlyMap<string, Value> | undefined {
  if (value instanceof Map) return value;
  if (!(value instanceof NamedValues)) return undefined;
  return new Map(value.names().map((name) => [name, value.read(name) ?? value.absent]));
}

/** `value[index]` and `value.index`. */
export function memberOf(value: Value, index: Value, work: Work): Value {
  work.spend(1);
  if (isList(value)) return itemAt(value, index);
  if (typeof index !== "string") throw FAULT;
  if (value instanceof NamedValues) return value.read(index) ?? value.absent;
  const member: Value | undefined = value instanceof Map ? value.get(index) : undefined;
  if (member === undefined) throw FAULT;
  return toValue(member);
}

function itemAt(list: readonly Value[], index: Value): Value {
  const item = typeof index === "bigint" || typeof index === "number" ? list[Number(index)] : undefined;
  if (item === undefined) throw FAULT;
  return toValue(item);
}

/** Whether a name is there: `name in map`, `has(map.name)`. */
export function hasMember(value: Value, name: Value): boolean {
  if (typeof name !== "string") return false;
  if (value instanceof NamedValues) return value.read(name) !== undefined;
  if (!(value instanceof Map)) throw FAULT;
  return value.has(name);
}

/** What a comprehension goes through: the items of a list, the names of a map. */
export function itemsOf(value: Value): readonly Value[] {
  if (isList(value)) return value;
  if (value instanceof NamedValues) return value.names();
  if (value instanceof Map) return [...value.keys()];
  throw FAULT;
}
