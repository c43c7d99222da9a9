import type { PathPattern } from "../model/path-pattern.ts";

/**
 * Whether a path matches a pattern: the one meaning of the grammar, for routes and selectors alike. The path is normal, and in
 * the spelling of `comparablePath`.
 */
export function matchesPattern(pattern: PathPattern, path: string): boolean {
  // where the next segment begins; past the end when none is left
  let start = 1;
  for (const expected of pattern.segments) {
    if (expected.kind === "globstar") return true;
    if (start > path.length) return false;
    const end = segmentEnd(path, start);
    const isMatch = expected.kind === "literal" ? isSegment(path, start, end, expected.text) : end > start;
    if (!isMatch) return false;
    start = end + 1;
  }
  return start > path.length;
}

/** Where the segment of a path that begins at `start` ends. */
export function segmentEnd(path: string, start: number): number {
  const slash = path.indexOf("/", start);
  return slash < 0 ? path.length : slash;
}

const isSegment = (path: string, start: number, end: number, text: string): boolean =>
  end - start === text.length && path.startsWith(text, start);

/** Whether every path one pattern matches is matched by the other as well. */
export function coversPattern(outer: PathPattern, inner: PathPattern): boolean {
  for (const [index, expected] of outer.segments.entries()) {
    if (expected.kind === "globstar") return true;
    const found = inner.segments[index];
    if (found === undefined || found.kind === "globstar") return false;
    if (expected.kind === "literal" && !(found.kind === "literal" && found.text === expected.text)) return false;
    if (expected.kind !== "literal" && found.kind === "literal" && found.text === "") return false;
  }
  return inner.segments.length === outer.segments.length;
}

/** Whether a host (lower case, without port) matches `name` or `*.name`. */
export const matchesHost = (pattern: string, host: string): boolean =>
  pattern.startsWith("*.") ? host.length > pattern.length - 1 && host.endsWith(pattern.slice(1)) : pattern === host;

/** Whether every host one pattern matches is matched by the other as well; exact names are patterns too. */
export const coversHost = (outer: string, inner: string): boolean =>
  outer === inner || (outer.startsWith("*.") && inner.endsWith(outer.slice(1)));

/** A request's host without its port. */
export function hostName(host: string): string {
  const end = host.startsWith("[") ? host.indexOf("]") + 1 : host.indexOf(":");
  return end > 0 ? host.slice(0, end) : host;
}

/** Whether a listed method matches: GET includes HEAD (C26). An empty list means any. */
export const matchesMethod = (methods: readonly string[], method: string): boolean =>
  methods.length === 0 || methods.includes(method) || (method === "HEAD" && methods.includes("GET"));
