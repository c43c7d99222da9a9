import { type Json, type JsonObject, RawNumber } from "@sallyport/contract/json.ts";
import { FIXED_LIMITS } from "@sallyport/contract/limits.ts";
import { InvalidVerdictError } from "./errors.ts";

/**
 * Turns JSON into ordinary values that an `edit` may alter, and back, so that what was not altered comes back as the
 * very same JSON: same identity, same digits. One per edit.
 */
export class Drafting {
  // draft container → the JSON it was made from
  readonly #sources = new WeakMap<object, Json>();
  // altered JSON container → the JSON it was before
  readonly #origins = new WeakMap<object, Json>();
  // containers being turned into JSON just now: one that contains itself would never end
  readonly #open = new Set<object>();
  // double → the one text that lost digits to it; null when several did
  readonly #digits = new Map<number, string | null>();

  /** An ordinary value that may be altered. */
  draftOf(json: Json): unknown {
    if (json instanceof RawNumber) return this.#double(json);
    if (json === null || typeof json !== "object") return json;
    const draft: unknown = isList(json) ? json.map((item) => this.draftOf(item)) : this.#draftObject(json);
    this.#sources.set(draft as object, json); // both branches above make an object
    return draft;
  }

  /** The JSON of an altered draft. Throws `InvalidVerdictError` for what JSON cannot say. */
  jsonOf(draft: unknown, depth = 0): Json {
    if (depth > FIXED_LIMITS.jsonDepth) throw new InvalidVerdictError("edit", `deeper than ${FIXED_LIMITS.jsonDepth} levels`);
    if (draft === null || typeof draft === "boolean") return draft;
    if (typeof draft === "string") return wellFormed(draft);
    if (typeof draft === "number") return this.#numberOf(draft);
    if (typeof draft === "bigint") return exact(draft);
    if (typeof draft === "object") return this.#containerOf(draft, depth);
    throw new InvalidVerdictError("edit", `${typeof draft} is no JSON value`);
  }

  /** What an altered container was made from: itself when it was not altered, undefined when it is new. */
  originOf(json: Json): Json | undefined {
    return typeof json === "object" && json !== null ? this.#origins.get(json) : undefined;
  }

  #draftObject(json: JsonObject): object {
    const draft = {};
    for (const [name, value] of json) {
      // defined, not assigned: "__proto__" is a member like any other
      const property = { value: this.draftOf(value), writable: true, enumerable: true, configurable: true };
      Object.defineProperty(draft, name, property);
    }
    return draft;
  }

  #double(number: RawNumber): number {
    const double = Number(number.text);
    if (losesDigits(number.text, double)) {
      const known = this.#digits.get(double);
      this.#digits.set(double, known === undefined || known === number.text ? number.text : null);
    }
    return double;
  }

  #numberOf(double: number): Json {
    const text = this.#digits.get(double);
    // a double that cannot be told from a long number of this document: it was moved here
    if (typeof text === "string") return new RawNumber(text);
    if (!Number.isFinite(double)) throw new InvalidVerdictError("edit", `${double} is no JSON value`);
    return double === 0 ? 0 : double;
  }

  #containerOf(draft: object, depth: number): Json {
    if (this.#open.has(draft)) throw new InvalidVerdictError("edit", "a value contains itself");
    this.#open.add(draft);
    const json = Array.isArray(draft) ? this.#listOf(draft, depth) : this.#objectOf(draft, depth);
    this.#open.delete(draft);
    return json;
  }

  #listOf(draft: readonly unknown[], depth: number): Json {
    const source = this.#sources.get(draft);
    const before = source !== undefined && isList(source) ? source : [];
    const after = Array.from(draft, (item, index) => this.#kept(before[index], item) ?? this.jsonOf(item, depth + 1));
    if (source === undefined) return after;
    const same = after.length === before.length && after.every((item, index) => item === before[index]);
    return this.#origin(same ? source : after, source);
  }

  #objectOf(draft: object, depth: number): Json {
    const source = this.#sources.get(draft);
    const plain = source === undefined ? plainObject(draft) : draft;
    if (typeof plain !== "object" || plain === null || Array.isArray(plain)) return this.jsonOf(plain, depth + 1);
    const before: JsonObject = source instanceof Map ? source : new Map();
    const after = new Map<string, Json>();
    for (const [name, value] of Object.entries(plain)) {
      if (value === undefined) continue;
      after.set(wellFormed(name), this.#kept(before.get(name), value) ?? this.jsonOf(value, depth + 1));
    }
    if (source === undefined) return after;
    const same = after.size === before.size && [...after].every(([name, value]) => value === before.get(name));
    return this.#origin(same ? source : after, source);
  }

  /** The number that was in this place, when the draft still says the same double. */
  #kept(before: Json | undefined, now: unknown): Json | undefined {
    return before instanceof RawNumber && Object.is(Number(before.text), now) ? before : undefined;
  }

  #origin(json: Json, source: Json): Json {
    this.#origins.set(json as object, source); // called for containers only
    return json;
  }
}

const isList = (json: Json): json is readonly Json[] => Array.isArray(json);

/** What JSON.stringify would see of an object that is not a draft. */
function plainObject(value: object): unknown {
  if ("toJSON" in value && typeof value.toJSON === "function") return value.toJSON();
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return value;
  throw new InvalidVerdictError("edit", "only plain objects, lists, texts, numbers, booleans and null are JSON values");
}

function wellFormed(text: string): string {
  if (text.isWellFormed()) return text;
  throw new InvalidVerdictError("edit", "a text holds half a surrogate pair");
}

const exact = (value: bigint): Json => (Number.isSafeInteger(Number(value)) ? Number(value) : new RawNumber(value.toString()));

function losesDigits(text: string, double: number): boolean {
  if (!Number.isFinite(double)) return true;
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(double) && BigInt(text) !== BigInt(double);
}
