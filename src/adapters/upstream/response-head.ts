import { isHeaderName, isHeaderValue } from "@sallyport/contract/header-text.ts";
import { HeaderLines } from "../../model/header-lines.ts";
import { err, ok, type Result } from "../../model/result.ts";

/** A response head that can be passed on, and what its framing says of the body. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderLines;
  /** `none`: no byte of a body will come. */
  readonly body: { readonly kind: "none" } | { readonly kind: "stream"; readonly declaredBytes: number | undefined };
}

/**
 * Judges a final response head. The parser has read it by the letter; refused on top is what another reader could take
 * otherwise: a length that is not one canonical decimal, a transfer coding other than `chunked`, both at once, a status beyond
 * 599, a name or value no header may have. `raw` alternates names and values, as bytes; they are kept as U+0000 to U+00FF (C25).
 */
export function readResponseHead(method: string, status: number, raw: readonly (Buffer | string)[]): Result<ResponseHead> {
  if (status < 200 || status > 599) return err(`status ${status}`);
  const read = readLines(raw);
  if (!read.ok) return read;
  const headers = read.value;
  const declared = declaredBytes(headers);
  if (!declared.ok) return declared;
  const bodyless = method === "HEAD" || status === 204 || status === 304 || declared.value === 0;
  return ok({ status, headers, body: bodyless ? { kind: "none" } : { kind: "stream", declaredBytes: declared.value } });
}

/** Judges a 101 that was asked for: it must not speak of a body. What the protocol says of it is judged elsewhere. */
export function changedHead(status: number, raw: readonly (Buffer | string)[]): Result<HeaderLines> {
  const headers = readLines(raw);
  if (!headers.ok) return headers;
  const isFramed = headers.value.has("content-length") || headers.value.has("transfer-encoding");
  return status !== 101 || isFramed ? err("101 with framing of its own") : headers;
}

function readLines(raw: readonly (Buffer | string)[]): Result<HeaderLines> {
  const lines: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = latin1(raw[i]);
    const value = trimmed(latin1(raw[i + 1]));
    if (!isHeaderName(name.toLowerCase())) return err("illegal header name");
    if (!isHeaderValue(value)) return err(`illegal value of header ${name.slice(0, 64)}`);
    lines.push(name, value);
  }
  return ok(HeaderLines.fromRaw(lines));
}

function declaredBytes(headers: HeaderLines): Result<number | undefined> {
  const lengths = headers.lines("content-length");
  const codings = headers.lines("transfer-encoding");
  if (codings.length > 1 || (codings.length === 1 && codings[0]?.toLowerCase() !== "chunked"))
    return err("transfer-encoding other than chunked");
  if (lengths.length === 0) return ok(undefined);
  if (codings.length > 0) return err("content-length and transfer-encoding together");
  const bytes = Number(lengths[0]);
  if (lengths.length > 1 || String(bytes) !== lengths[0] || !Number.isSafeInteger(bytes) || bytes < 0)
    return err("ambiguous content-length");
  return ok(bytes);
}

const latin1 = (text: Buffer | string | undefined): string =>
  typeof text === "string" ? text : (text?.toString("latin1") ?? "");

// by hand: a pattern for white space at the end looks at every space inside again and again, seconds long for a line of them
function trimmed(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value, start)) start += 1;
  while (end > start && isBlank(value, end - 1)) end -= 1;
  return value.slice(start, end);
}

const isBlank = (text: string, at: number): boolean => text[at] === " " || text[at] === "\t";
