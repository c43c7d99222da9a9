import { RawNumber, type Json } from "./json-value.ts";
import { FIXED_LIMITS } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

/** Why a text is not accepted as JSON, with the offset (UTF-16 units) at which that was seen. */
export interface JsonProblem {
  readonly kind: "malformed" | "duplicate-key" | "too-deep";
  readonly offset: number;
}

/**
 * Reads JSON as RFC 8259 writes it, keeping every number as it was written.
 *
 * Refuses what two readers could read differently: a byte-order mark, text after the value, a member named twice,
 * a lone surrogate (escaped or not: it has no UTF-8 form, so it could not be passed on). `maxDepth` (default 128)
 * counts nested lists and objects, which also bounds the stack. Takes time linear in the text.
 */
export function parseJson(text: string, limits?: { readonly maxDepth?: number }): Result<Json, JsonProblem> {
  const parser = new Parser(text, limits?.maxDepth ?? FIXED_LIMITS.jsonDepth, "parse");
  const value = parser.document();
  return parser.problem === undefined && value !== undefined ? ok(value) : err(parser.problem ?? NOTHING);
}

/**
 * {@link parseJson} without the value: what is wrong with a text, if anything. For bodies that are only shown, since the
 * values of hostile text can take far more memory than the text.
 */
export function checkJson(text: string, limits?: { readonly maxDepth?: number }): JsonProblem | undefined {
  const parser = new Parser(text, limits?.maxDepth ?? FIXED_LIMITS.jsonDepth, "check");
  parser.document();
  return parser.problem;
}

const NOTHING: JsonProblem = { kind: "malformed", offset: 0 };

/** Every method returns undefined once a problem was noted; callers pass that on at once. */
class Parser {
  problem: JsonProblem | undefined;
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #keeps: boolean;
  /** Items of the lists that are being read: each list is cut off its end, in its exact size, when it is complete. */
  readonly #items: Json[] = [];
  /** Names of the objects that are being checked, as long as those are few enough to be compared one by one. */
  readonly #names: string[] = [];
  #at = 0;

  constructor(text: string, maxDepth: number, purpose: "parse" | "check") {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#keeps = purpose === "parse";
  }

  document(): Json | undefined {
    const value = this.#value(0);
    if (value === undefined) return undefined;
    return this.#next() === END ? value : this.#malformed();
  }

  #value(depth: number): Json | undefined {
    const unit = this.#next();
    switch (unit) {
      case 0x22: // "
        return this.#string();
      case 0x7b: // {
        return this.#object(depth + 1);
      case 0x5b: // [
        return this.#array(depth + 1);
      case 0x74: // t
        return this.#word("true", true);
      case 0x66: // f
        return this.#word("false", false);
      case 0x6e: // n
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): Json | undefined {
    if (depth > this.#maxDepth) return this.#note("too-deep");
    this.#at += 1;
    if (this.#next() === 0x7d) return this.#skip(NO_MEMBERS);
    if (!this.#keeps) return this.#checkMembers(depth);
    const members = new Map<string, Json>();
    for (;;) {
      if (this.#next() !== 0x22) return this.#malformed();
      const nameAt = this.#at;
      const name = this.#string();
      if (name === undefined) return undefined;
      if (members.has(name)) return this.#note("duplicate-key", nameAt);
      if (this.#next() !== 0x3a) return this.#malformed();
      this.#at += 1;
      const value = this.#value(depth);
      if (value === undefined) return undefined;
      members.set(name, value);
      const unit = this.#next();
      if (unit === 0x7d) return this.#skip(members);
      if (unit !== 0x2c) return this.#malformed();
      this.#at += 1;
    }
  }

  /** What {@link #object} does, with no more than the names kept: nothing at all for the many small objects of hostile text. */
  #checkMembers(depth: number): null | undefined {
    const start = this.#names.length;
    let many: Set<string> | undefined;
    for (;;) {
      if (this.#next() !== 0x22) return this.#malformed();
      const nameAt = this.#at;
      const name = this.#string();
      if (name === undefined) return undefined;
      if (many === undefined ? this.#names.includes(name, start) : many.has(name)) return this.#note("duplicate-key", nameAt);
      if (many !== undefined) many.add(name);
      else if (this.#names.push(name) - start > FEW_NAMES) many = new Set(this.#names.splice(start));
      if (this.#next() !== 0x3a) return this.#malformed();
      this.#at += 1;
      if (this.#value(depth) === undefined) return undefined;
      const unit = this.#next();
      if (unit === 0x7d) {
        this.#names.length = start;
        return this.#skip(null);
      }
      if (unit !== 0x2c) return this.#malformed();
      this.#at += 1;
    }
  }

  #array(depth: number): Json | undefined {
    if (depth > this.#maxDepth) return this.#note("too-deep");
    this.#at += 1;
    if (this.#next() === 0x5d) return this.#skip(NO_ITEMS);
    const start = this.#items.length;
    for (;;) {
      const value = this.#value(depth);
      if (value === undefined) return undefined;
      if (this.#keeps) this.#items.push(value);
      const unit = this.#next();
      if (unit === 0x5d) return this.#skip(this.#keeps ? this.#cutItems(start) : null);
      if (unit !== 0x2c) return this.#malformed();
      this.#at += 1;
    }
  }

  #cutItems(start: number): readonly Json[] {
    const items = this.#items.slice(start);
    this.#items.length = start;
    return items;
  }

  #string(): string | undefined {
    const text = this.#text;
    let from = this.#at + 1;
    let decoded = "";
    for (let at = from; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      if (unit === 0x22) {
        this.#at = at + 1;
        return decoded + text.slice(from, at);
      }
      if (unit < 0x20) return this.#note("malformed", at);
      if (unit === 0x5c) {
        const escape = escapeAt(text, at);
        if (escape === undefined) return this.#note("malformed", at);
        decoded += text.slice(from, at) + escape.text;
        from = at + escape.length;
        at = from - 1;
      } else if (unit >= 0xd800 && unit <= 0xdfff) {
        if (!isPair(unit, text.charCodeAt(at + 1))) return this.#note("malformed", at);
        at += 1;
      }
    }
    return this.#note("malformed", text.length);
  }

  #number(): Json | undefined {
    NUMBER.lastIndex = this.#at;
    if (!NUMBER.test(this.#text)) return this.#malformed();
    const from = this.#at;
    this.#at = NUMBER.lastIndex;
    if (!this.#keeps) return null;
    const written = this.#text.slice(from, this.#at);
    const value = Number(written);
    return String(value) === written ? value : new RawNumber(written);
  }

  #word<T extends true | false | null>(word: string, value: T): T | undefined {
    if (!this.#text.startsWith(word, this.#at)) return this.#malformed();
    this.#at += word.length;
    return value;
  }

  /** The next unit that is no white space; {@link END} after the last. */
  #next(): number {
    for (; this.#at < this.#text.length; this.#at += 1) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return unit;
    }
    return END;
  }

  #skip<T>(value: T): T {
    this.#at += 1;
    return value;
  }

  #malformed(): undefined {
    return this.#note("malformed");
  }

  #note(kind: JsonProblem["kind"], offset = this.#at): undefined {
    this.problem ??= { kind, offset };
    return undefined;
  }
}

const END = -1;

/** More names of one object than this are looked up in a set. */
const FEW_NAMES = 8;

// values are never changed in place, so all empty ones can be the same
const NO_MEMBERS: ReadonlyMap<string, Json> = new Map();
const NO_ITEMS: readonly Json[] = [];

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

function escapeAt(text: string, at: number): { readonly text: string; readonly length: number } | undefined {
  const short = SHORT_ESCAPES.get(text.charAt(at + 1));
  if (short !== undefined) return { text: short, length: 2 };
  const unit = unicodeEscapeAt(text, at);
  if (unit === undefined) return undefined;
  if (unit < 0xd800 || unit > 0xdfff) return { text: String.fromCharCode(unit), length: 6 };
  const low = unicodeEscapeAt(text, at + 6);
  if (low === undefined || !isPair(unit, low)) return undefined;
  return { text: String.fromCharCode(unit, low), length: 12 };
}

function unicodeEscapeAt(text: string, at: number): number | undefined {
  const escape = text.slice(at, at + 6);
  return /^\\u[0-9a-fA-F]{4}$/.test(escape) ? Number.parseInt(escape.slice(2), 16) : undefined;
}

const isPair = (high: number, low: number): boolean => high >= 0xd800 && high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff;
