import { isLabelName } from "@sallyport/contract/field.ts";
import { isHeaderName, isHeaderValue } from "@sallyport/contract/header-text.ts";
import { utf8Length } from "@sallyport/contract/json-pointer.ts";
import { FIXED_LIMITS } from "@sallyport/contract/limits.ts";
import { isNormalPath } from "@sallyport/contract/request-path.ts";
import { InvalidVerdictError } from "./errors.ts";

// Each function returns its argument, or throws InvalidVerdictError with a message that says what is expected. The
// gateway checks the same again; throwing here points at the line that gave the value. Values are not quoted in
// messages: they may come from a client.

/** A header name as patches spell it: a lower-case token. */
export function headerName(name: string): string {
  if (isHeaderName(name)) return name;
  throw new InvalidVerdictError("header", `"${printable(name)}" is not a header name in lower case`);
}

/** Header lines that can be written as they are: no CR, LF or NUL, nothing above U+00FF. */
export function headerValue(name: string, value: string | readonly string[]): string | readonly string[] {
  const lines = typeof value === "string" ? [value] : value;
  if (lines.length === 0) throw new InvalidVerdictError("header", `${name} gets no line: use the method that removes it`);
  if (!lines.every((line) => typeof line === "string" && isHeaderValue(line))) {
    throw new InvalidVerdictError(
      "header",
      `the value for ${name} is no header line: no control characters, no white space at its ends, nothing above U+00FF`,
    );
  }
  return typeof value === "string" ? value : [...value];
}

/** Values of one query name. */
export function queryValues(name: string, values: string | readonly string[]): readonly string[] {
  const list = typeof values === "string" ? [values] : [...values];
  if (list.length > 0 && list.every((value) => typeof value === "string" && value.isWellFormed())) return list;
  throw new InvalidVerdictError("query", `"${printable(name)}" is given one text or a list of them; removeQuery takes it away`);
}

/** A path already in the one normal form the gateway matches and forwards (C25). */
export function normalPath(path: string): string {
  if (typeof path === "string" && isNormalPath(path)) return path;
  throw new InvalidVerdictError("path", "a new path begins with /, is normalised and percent-encoded, without ? and #");
}

/** A request method in upper case. */
export function requestMethod(method: string): string {
  if (/^[A-Z]{1,32}$/.test(method)) return method;
  throw new InvalidVerdictError("method", `"${printable(method)}" is not a request method in upper case`);
}

/** A final response status. */
export function httpStatus(status: number): number {
  if (Number.isInteger(status) && status >= 200 && status <= 599) return status;
  throw new InvalidVerdictError("status", `${String(status)} is not a status from 200 to 599`);
}

/** A label's name: it appears in pointers, logs and conditions. */
export function labelName(name: string): string {
  if (typeof name === "string" && isLabelName(name)) return name;
  throw new InvalidVerdictError("label", "a label name is 1 to 64 letters, digits, '.', '_' or '-'");
}

/** A tag under which a cached verdict is revoked. */
export function cacheTag(tag: string): string {
  const bytes = typeof tag === "string" && tag.isWellFormed() ? utf8Length(tag) : 0;
  if (bytes >= 1 && bytes <= FIXED_LIMITS.cacheTagBytes) return tag;
  throw new InvalidVerdictError("cache", `a cache tag is a text of 1 to ${FIXED_LIMITS.cacheTagBytes} bytes`);
}

/** How long an equal view may be answered alike, and under which tags that is revoked. */
export function cachePolicy(
  ttlMs: number,
  tags: readonly string[],
): { readonly ttlMs: number; readonly tags: readonly string[] } {
  if (!Number.isInteger(ttlMs) || ttlMs < 1 || ttlMs > 0xffff_ffff) {
    throw new InvalidVerdictError("cache", `a time to live is a whole number of milliseconds above 0, not ${ttlMs}`);
  }
  if (tags.length > FIXED_LIMITS.cacheTags) {
    throw new InvalidVerdictError("cache", `${tags.length} cache tags; at most ${FIXED_LIMITS.cacheTags} are accepted`);
  }
  return { ttlMs, tags: tags.map(cacheTag) };
}

/** A label's value. */
export function labelText(value: string): string {
  if (typeof value !== "string" || !value.isWellFormed() || CONTROL.test(value)) {
    throw new InvalidVerdictError("label", "a label is text without control characters");
  }
  const bytes = utf8Length(value);
  if (bytes <= FIXED_LIMITS.labelBytes) return value;
  throw new InvalidVerdictError("label", `a label of ${bytes} bytes; at most ${FIXED_LIMITS.labelBytes} are accepted`);
}

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

// names can come from a client too: a message stays one short line
const printable = (text: unknown): string =>
  String(text)
    .replaceAll(/[^\x20-\x7e]/g, "?")
    .slice(0, 64);
