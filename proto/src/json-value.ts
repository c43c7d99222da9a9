/**
 * A JSON value that can be written back as it was read. Objects are maps: they keep member order, and a member called
 * `__proto__` is a member like any other.
 */
export type Json = null | boolean | number | string | RawNumber | readonly Json[] | JsonObject;

/** A JSON object; member names are unique by construction. */
export type JsonObject = ReadonlyMap<string, Json>;

/**
 * A number whose text is not what `String(Number(text))` gives (`1.0`, `1e5`, `12345678901234567890`, `-0`), kept as it
 * was written. Every other number is an ordinary `number`, so equal text never has two forms.
 */
export class RawNumber {
  /** A number of RFC 8259 section 6. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The value of a number's text: a `number` where that keeps the text, else a {@link RawNumber}; undefined for other texts. */
export function numberOf(text: string): number | RawNumber | undefined {
  if (!/^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(text)) return undefined;
  const value = Number(text);
  return String(value) === text ? value : new RawNumber(text);
}

/** Tells an object from the other values. */
export const isJsonObject = (value: Json): value is JsonObject => value instanceof Map;

/** Tells a list from the other values. */
export const isJsonArray = (value: Json): value is readonly Json[] => Array.isArray(value);
