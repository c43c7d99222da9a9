/**
 * Plain data with its member names in snake_case, as everything we show people writes them. What stands in a map under one of
 * `verbatim` is keyed by somebody else's words and keeps its keys.
 */
export function snakeKeys(value: unknown, verbatim: ReadonlySet<string> = NONE): unknown {
  if (Array.isArray(value)) return value.map((item) => snakeKeys(item, verbatim));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [snakeCase(name), verbatim.has(name) ? member : snakeKeys(member, verbatim)]),
  );
}

const NONE: ReadonlySet<string> = new Set();

const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
