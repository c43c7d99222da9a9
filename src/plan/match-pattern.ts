import type { PathPattern } from "../model/path-pattern.ts";

/** Whether a normalised path matches a pattern: the one meaning of the grammar, for routes and selectors alike. */
export function matchesPattern(pattern: PathPattern, path: string): boolean {
  const segments = path.slice(1).split("/");
  for (const [index, expected] of pattern.segments.entries()) {
    if (expected.kind === "globstar") return true;
    const found = segments[index];
    if (found === undefined) return false;
    if (expected.kind === "literal" ? expected.text !== found : found === "") return false;
  }
  return segments.length === pattern.segments.length;
}

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

/** A request's host without its port. */
export function hostName(host: string): string {
  const end = host.startsWith("[") ? host.indexOf("]") + 1 : host.indexOf(":");
  return end > 0 ? host.slice(0, end) : host;
}

/** Whether a listed method matches: GET includes HEAD (C26). An empty list means any. */
export const matchesMethod = (methods: readonly string[], method: string): boolean =>
  methods.length === 0 || methods.includes(method) || (method === "HEAD" && methods.includes("GET"));
