/** One pair of a query as it was sent, and what it decodes to. */
export interface QueryPair {
  readonly raw: string;
  readonly name: string;
  readonly value: string;
}

/**
 * The pairs of a query (without "?"), decoded as HTML forms are: "+" is a space, what is no escape stands for itself,
 * bytes that are no UTF-8 become U+FFFD. Empty pairs are left out. Never fails; linear in the text.
 */
export function parseQuery(raw: string): readonly QueryPair[] {
  const pairs: QueryPair[] = [];
  for (const pair of raw.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = equals < 0 ? pair : pair.slice(0, equals);
    pairs.push({ raw: pair, name: decodeForm(name), value: equals < 0 ? "" : decodeForm(pair.slice(equals + 1)) });
  }
  return pairs;
}

/** A query that keeps the bytes it was sent with: only names that are changed are written anew (C25). Immutable. */
export class QueryText {
  /** Without "?"; empty for none. */
  readonly raw: string;
  #pairs: readonly QueryPair[] | undefined;

  constructor(raw: string) {
    this.raw = raw;
  }

  /** Every value of a name, decoded, in order; none when the name is absent. */
  values(name: string): readonly string[] {
    return this.#parsed.filter((pair) => pair.name === name).map((pair) => pair.value);
  }

  has(name: string): boolean {
    return this.#parsed.some((pair) => pair.name === name);
  }

  /** The decoded names, each once, in order of appearance. */
  names(): readonly string[] {
    return [...new Set(this.#parsed.map((pair) => pair.name))];
  }

  /** Every value by name, for readers that want all of them. */
  all(): ReadonlyMap<string, readonly string[]> {
    const all = new Map<string, string[]>();
    for (const { name, value } of this.#parsed) {
      const values = all.get(name);
      if (values === undefined) all.set(name, [value]);
      else values.push(value);
    }
    return all;
  }

  /**
   * The query in which a name has these values (undefined or none: is absent). They stand where the name stood first,
   * else at the end; the other pairs keep their bytes and order. A query that does not change is returned as it is.
   */
  withName(name: string, values: readonly string[] | undefined): QueryText {
    const written = (values ?? []).map((value) => `${encodeForm(name)}=${encodeForm(value)}`);
    if (!this.has(name)) {
      if (written.length === 0) return this;
      return new QueryText([...(this.raw === "" ? [] : [this.raw]), ...written].join("&"));
    }
    const pairs: string[] = [];
    let placed = false;
    for (const pair of this.#parsed) {
      if (pair.name !== name) pairs.push(pair.raw);
      else if (!placed) {
        pairs.push(...written);
        placed = true;
      }
    }
    return new QueryText(pairs.join("&"));
  }

  get #parsed(): readonly QueryPair[] {
    this.#pairs ??= this.raw === "" ? [] : parseQuery(this.raw);
    return this.#pairs;
  }
}

function decodeForm(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    // a bad escape or bytes that are no UTF-8: the forgiving decoder of the platform knows what forms do then
    return new URLSearchParams(`v=${text.replaceAll("&", "%26")}`).get("v") ?? "";
  }
}

// a lone surrogate has no bytes; what replaces it is what an encoder would write
const encodeForm = (text: string): string => encodeURIComponent(text.toWellFormed());
