/** One segment of a path pattern. */
export type PathSegment =
  /** The segment's text in the spelling of {@link comparablePath}; empty text stands only at the end (a trailing slash). */
  | { readonly kind: "literal"; readonly text: string }
  /** `*`: exactly one non-empty segment. */
  | { readonly kind: "star" }
  /** `:name`: as `*`, and its text is remembered under the name. Ranks as `*`. */
  | { readonly kind: "capture"; readonly name: string }
  /** `**`: zero or more segments, last only: `/a/**` matches `/a`, `/a/` and `/a/b/c`. */
  | { readonly kind: "globstar" };

/**
 * A parsed path pattern, for routes and selectors alike. Case-sensitive, on the normalised, still percent-encoded path.
 * A path is split at each `/` after the first: `/` is one empty segment, `/a/` is `a` and an empty one.
 */
export interface PathPattern {
  /** As written. */
  readonly source: string;
  readonly segments: readonly PathSegment[];
}

/**
 * A normal path in the one spelling that patterns are compared in: escapes of printable ASCII undone. `/a:b` and `/a%3Ab` both
 * pass through unchanged (RFC 3986 section 6.2.2.2 keeps them apart), but most upstreams serve the same for both, so a route or
 * a selector that names one must not be escaped by asking for the other. `%25`, `%2F` and `%5C` stay: the first would make
 * two spellings of it, the others never are in a normal path.
 */
export const comparablePath = (path: string): string =>
  path.includes("%")
    ? path.replace(ESCAPED_PRINTABLE, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)))
    : path;

const ESCAPED_PRINTABLE = /%(?:2[1-46-9A-E]|[3467][0-9A-E]|[346]F|5[0-9ABDEF])/g;
