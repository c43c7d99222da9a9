import { err, ok, type Result } from "./result.ts";
import { FIXED_LIMITS } from "./limits.ts";

/** Longest JSON pointer accepted anywhere, bytes of UTF-8. */
export const MAX_POINTER_BYTES = FIXED_LIMITS.pointerBytes;

/**
 * The reference tokens of a JSON pointer (RFC 6901); none for the empty pointer.
 * Refuses a pointer that does not begin with "/", a "~" that escapes nothing, and one that is too long.
 * Every token is a plain string here; which ones are dangerous is for the patch module to know.
 */
export function parsePointer(text: string): Result<readonly string[]> {
  if (text === "") return ok([]);
  if (text.charCodeAt(0) !== SLASH) return err('a JSON pointer is empty or begins with "/"');
  if (utf8Length(text, MAX_POINTER_BYTES) > MAX_POINTER_BYTES) {
    return err(`a JSON pointer has at most ${MAX_POINTER_BYTES} bytes`);
  }
  const tokens = text.slice(1).split("/");
  if (!text.includes("~")) return ok(tokens);
  if (/~(?![01])/.test(text)) return err('"~" in a JSON pointer is followed by 0 or 1');
  return ok(tokens.map(unescapeToken));
}

/** The JSON pointer of reference tokens (RFC 6901); the inverse of {@link parsePointer}. */
export function formatPointer(tokens: readonly string[]): string {
  let text = "";
  for (const token of tokens) text += `/${escapeToken(token)}`;
  return text;
}

/** One reference token as it is written inside a pointer. */
export const escapeToken = (token: string): string =>
  token.includes("~") || token.includes("/") ? token.replaceAll("~", "~0").replaceAll("/", "~1") : token;

// "~1" first: "~01" means "~1", not "/" (RFC 6901 section 4)
const unescapeToken = (token: string): string => token.replaceAll("~1", "/").replaceAll("~0", "~");

const SLASH = 0x2f;

/** Length of a text in UTF-8, bytes; stops counting soon after `enough`. */
export function utf8Length(text: string, enough: number = Number.POSITIVE_INFINITY): number {
  if (text.length > enough) return text.length;
  let bytes = 0;
  for (let index = 0; index < text.length && bytes <= enough; index += 1) {
    const unit = text.charCodeAt(index);
    // a surrogate pair is two units and four bytes
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 2 : 3;
  }
  return bytes;
}
