/** One segment of a path pattern. */
export type PathSegment =
  /** The segment's text, byte for byte, still percent-encoded; empty text stands only at the end (a trailing slash). */
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
