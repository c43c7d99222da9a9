import { err, ok, type Result } from "./result.ts";

export { parseQuery, QueryText, type QueryPair } from "./query-text.ts";

/** Why a path is refused; stable names for logs. */
export type PathProblem =
  /** does not begin with "/" */
  | "not-absolute"
  /** "%" without two hex digits */
  | "malformed-escape"
  /** an escaped "/" or "\" */
  | "encoded-separator"
  /** an escape that becomes a dangerous character when it is decoded once more */
  | "double-encoding"
  /** escaped bytes that spell an ASCII character in more bytes than UTF-8 allows */
  | "overlong-encoding"
  /** a control character (escaped or not), a space, "\", "?", "#", or anything that is not ASCII */
  | "forbidden-character"
  /** a ";": many servers cut it and what follows off a segment, so they would serve another path than was matched */
  | "parameters"
  /** ".." above the root */
  | "above-root";

/**
 * The one normal form of a path (origin form, without query), or why there is none (C25; RFC 3986 section 6.2.2).
 *
 * Repaired, because all servers agree on it: "//" is merged, "." and ".." segments are removed, escapes of unreserved
 * characters are decoded, hex digits are upper-cased. Refused, because servers do not agree: see {@link PathProblem}.
 * Everything else stays as it was sent. The normal form is what is matched, shown, logged and forwarded; making it
 * again changes nothing. Linear in the path.
 */
export function normalisePath(raw: string): Result<string, PathProblem> {
  // most paths are normal already, and this tells
  if (PLAIN.test(raw)) return ok(raw);
  if (!raw.startsWith("/")) return err("not-absolute");
  if (FORBIDDEN.test(raw)) return err("forbidden-character");
  const unescaped = raw.includes("%") ? normaliseEscapes(raw) : ok(raw);
  if (!unescaped.ok) return unescaped;
  if (raw.includes(";") || DOTS_BEFORE_PARAMETERS.test(unescaped.value)) return err("parameters");
  return removeDots(unescaped.value);
}

/** Whether a path is what {@link normalisePath} gives for it. */
export function isNormalPath(path: string): boolean {
  const normal = normalisePath(path);
  return normal.ok && normal.value === path;
}

// segments of characters that need no thought, none of them beginning with a dot
const PLAIN =
  /^\/(?:[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9._~!$&'()*+,=:@-]*\/)*(?:[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9._~!$&'()*+,=:@-]*)?$/;

const FORBIDDEN = /[^\x21-\x7e]|[\\?#]/;

// ".." with an escaped ";" behind it is a dot segment to a server that decodes before it cuts parameters off
const DOTS_BEFORE_PARAMETERS = /\/\.{0,2}%3B/;

function normaliseEscapes(raw: string): Result<string, PathProblem> {
  let problem: PathProblem | undefined = /%(?![0-9A-Fa-f]{2})/.test(raw) ? "malformed-escape" : undefined;
  const text = raw.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const byte = Number.parseInt(escape.slice(1), 16);
    const character = String.fromCharCode(byte);
    if (UNRESERVED.test(character)) return character;
    if (character === "/" || character === "\\") problem ??= "encoded-separator";
    else if (byte < 0x20 || byte === 0x7f) problem ??= "forbidden-character";
    return escape.toUpperCase();
  });
  if (problem !== undefined) return err(problem);
  if (OVERLONG.test(text)) return err("overlong-encoding");
  // looked for in the normal text: "%25%32%65" has just become "%252e"
  return DOUBLE.test(text) ? err("double-encoding") : ok(text);
}

const UNRESERVED = /^[A-Za-z0-9._~-]$/;

// lead bytes that can only begin more bytes than a character needs (RFC 3629 section 3); other bytes that are no UTF-8
// pass: old sites escape Latin-1
const OVERLONG = /%C[01]|%E0%[89]|%F[08C]%8/;

// "%25" once or more, and then what decodes to a control character, ".", "/", ";", "\", or an overlong lead byte
const DOUBLE = /%(?:25)+(?:[01][0-9A-Fa-f]|2[EeFf]|3[Bb]|5[Cc]|7[Ff]|[Cc][01])/;

function removeDots(path: string): Result<string, PathProblem> {
  const kept: string[] = [];
  const segments = path.split("/");
  for (const segment of segments) {
    if (segment === "..") {
      if (kept.pop() === undefined) return err("above-root");
    } else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  const last = segments[segments.length - 1];
  const endsInSlash = kept.length > 0 && (last === "" || last === "." || last === "..");
  return ok(`/${kept.join("/")}${endsInSlash ? "/" : ""}`);
}
