/** Members of all lines together (W3C Trace Context level 1, section 3.3.1.1). */
const MAX_MEMBERS = 32;

/**
 * Whether `tracestate` lines can be passed on: a list of `key=value`, each key once, 32 at most, as the recommendation writes them. One
 * member that cannot be read makes all of them unreadable: nobody could tell whose it is. White space around members and empty ones are
 * allowed, but not nothing else; lines stay as they came.
 */
export function isTraceState(lines: readonly string[]): boolean {
  const keys = new Set<string>();
  for (const line of lines) {
    for (const part of line.split(",")) {
      const member = part.replace(EDGES, "");
      if (member === "") continue;
      const key = MEMBER.exec(member)?.[1];
      if (key === undefined || keys.has(key) || keys.size >= MAX_MEMBERS) return false;
      keys.add(key);
    }
  }
  return keys.size > 0;
}

const EDGES = /^[ \t]+|[ \t]+$/g;

/** A key of 256 characters that begins with a letter, or `tenant@system` of 241 and 14; a value of 256 visible ones and spaces, without `,` and `=`. */
const MEMBER =
  /^([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
