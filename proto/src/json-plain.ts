import { isJsonArray, numberOf, RawNumber, type Json } from "./json-value.ts";
import { FIXED_LIMITS } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

/**
 * The JSON value of an ordinary JavaScript value, as `JSON.stringify` would see it: undefined members are dropped,
 * undefined items become null. Integers may be bigint; maps and {@link RawNumber}s are taken as they are.
 * Refuses what has no JSON form (functions, symbols, NaN, infinities, lone surrogates, instances of classes such as
 * Date) and nesting beyond 128 levels, cycles included. The error names the place.
 */
export function fromPlain(value: unknown): Result<Json> {
  return convert(value, "", 0);
}

/**
 * The ordinary JavaScript value of a JSON value: objects, arrays, strings, numbers. Every member is an own property,
 * `__proto__` too. A number beyond what a double holds loses digits, as with `JSON.parse`.
 */
export function toPlain(value: Json): unknown {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof RawNumber) return Number(value.text);
  if (isJsonArray(value)) return value.map(toPlain);
  const object: Record<string, unknown> = {};
  for (const [name, member] of value) setOwn(object, name, toPlain(member));
  return object;
}

function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") object[name] = value;
  // an assignment would set the prototype
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

function convert(value: unknown, place: string, depth: number): Result<Json> {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? ok(value) : refuse(place, "a string with a lone surrogate");
    case "boolean":
      return ok(value);
    case "number":
      return Number.isFinite(value) ? ok(Object.is(value, -0) ? 0 : value) : refuse(place, String(value));
    case "bigint":
      return fromNumberText(String(value), place);
    case "object":
      return value === null ? ok(null) : convertObject(value, place, depth + 1);
    default:
      return refuse(place, `a value of type ${typeof value}`);
  }
}

function fromNumberText(text: string, place: string): Result<Json> {
  const number = numberOf(text);
  return number === undefined ? refuse(place, "a raw number whose text is none") : ok(number);
}

function convertObject(value: object, place: string, depth: number): Result<Json> {
  if (value instanceof RawNumber) return fromNumberText(value.text, place);
  if (depth > FIXED_LIMITS.jsonDepth) return refuse(place, `nesting beyond ${FIXED_LIMITS.jsonDepth} levels`);
  if (Array.isArray(value)) return convertItems(value, place, depth);
  if (value instanceof Map) return convertMembers(value, place, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return refuse(place, "an instance of a class");
  return convertMembers(Object.entries(value), place, depth);
}

function convertItems(items: readonly unknown[], place: string, depth: number): Result<Json> {
  const converted: Json[] = [];
  for (const [index, item] of items.entries()) {
    const json = convert(item === undefined ? null : item, `${place}/${index}`, depth);
    if (!json.ok) return json;
    converted.push(json.value);
  }
  return ok(converted);
}

function convertMembers(members: Iterable<[unknown, unknown]>, place: string, depth: number): Result<Json> {
  const converted = new Map<string, Json>();
  for (const [name, member] of members) {
    if (typeof name !== "string" || !name.isWellFormed()) return refuse(place, "a member whose name is no text");
    if (member === undefined) continue;
    const json = convert(member, `${place}/${name}`, depth);
    if (!json.ok) return json;
    converted.set(name, json.value);
  }
  return ok(converted);
}

const refuse = (place: string, what: string): Result<never> => err(`${what} has no JSON form (at "${place}")`);
