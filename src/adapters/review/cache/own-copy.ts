/**
 * A copy that keeps nothing else in memory: a text cut out of a message holds on to the whole message, of which `memoryOf` knows nothing.
 * Deep as the verdict's JSON, which the contract bounds.
 */
export function ownCopy<T>(value: T): T {
  // each branch gives back the kind it was given
  return copied(value) as T;
}

function copied(value: unknown): unknown {
  if (typeof value === "string") return ownText(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(copied);
  if (value instanceof Map) return new Map([...value].map(([name, member]) => [ownText(String(name)), copied(member)]));
  // a number kept as text stays of its kind
  const copy: object = Object.create(Object.getPrototypeOf(value));
  return Object.assign(copy, Object.fromEntries(Object.entries(value).map(([name, member]) => [name, copied(member)])));
}

/** By its units, so that a lone surrogate stays one. */
const ownText = (text: string): string => Buffer.from(text, "utf16le").toString("utf16le");
