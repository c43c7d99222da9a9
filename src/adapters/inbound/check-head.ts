import type { Refusal } from "../../model/problem.ts";
import type { ListenerLimits } from "./listener-settings.ts";

/** A request head as Node's parser gives it. */
export interface ParsedHead {
  readonly url: string;
  readonly major: number;
  readonly minor: number;
  /** Names and values, alternating. */
  readonly raw: readonly string[];
}

/** How the body of an accepted head ends. */
export type RequestFraming =
  { readonly kind: "none" } | { readonly kind: "length"; readonly bytes: number } | { readonly kind: "chunked" };

/** A head that may go on, or why it may not. */
export type HeadCheck =
  | {
      readonly kind: "accepted";
      readonly framing: RequestFraming;
      readonly expectsContinue: boolean;
      /** It asked for another protocol and gets none: Node loses bytes already read behind such a request, so nothing after it can be trusted. */
      readonly closes: boolean;
    }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/**
 * Judges a head the parser let through, on what only the connection can know: sizes, version, framing. Refused is whatever a
 * second reader could frame otherwise (RFC 9112 section 6): a length that is not one canonical decimal, a transfer coding
 * other than exactly `chunked`, both at once, any in HTTP/1.0, a name that becomes a framing header when `_` is read as `-`.
 */
export function checkHead(head: ParsedHead, limits: ListenerLimits): HeadCheck {
  if (head.major !== 1 || head.minor > 1) return refused("bad_request", "The HTTP version is not 1.0 or 1.1.");
  if (head.url.length > limits.maxUriBytes)
    return refused("uri_too_long", `The request target is longer than ${limits.maxUriBytes} bytes.`);
  if (head.raw.length / 2 > limits.maxHeaders)
    return refused("headers_too_large", `More than ${limits.maxHeaders} header lines were sent.`);
  const found = new Map<string, string[]>();
  let bytes = 0;
  for (let i = 0; i < head.raw.length; i += 2) {
    const [name = "", value = ""] = [head.raw[i], head.raw[i + 1]];
    bytes += name.length + value.length + LINE_OVERHEAD_BYTES;
    if (name.includes("_"))
      return refused("bad_request", `The header name ${JSON.stringify(name.slice(0, 64))} has an underscore.`);
    const lower = WATCHED_LENGTHS.has(name.length) ? name.toLowerCase() : "";
    if (WATCHED.has(lower)) found.set(lower, [...(found.get(lower) ?? []), value]);
  }
  if (bytes > limits.maxHeaderBytes)
    return refused("headers_too_large", `The header lines are larger than ${limits.maxHeaderBytes} bytes.`);
  if ((found.get("host") ?? []).length !== 1) return refused("bad_request", "Exactly one valid Host header is required.");
  const framing = framingOf(found.get("content-length") ?? [], found.get("transfer-encoding") ?? [], head.minor);
  if (framing === undefined) return refused("bad_request", "The length of the request body is ambiguous.");
  const expected = expectation(found.get("expect") ?? [], head.minor);
  if (expected === undefined) return refused("expectation_failed", "The only expectation met here is 100-continue.");
  return { kind: "accepted", framing, expectsContinue: expected === "100-continue", closes: found.has("upgrade") };
}

/** `: ` and the line end. */
const LINE_OVERHEAD_BYTES = 4;

const WATCHED: ReadonlySet<string> = new Set(["content-length", "expect", "host", "transfer-encoding", "upgrade"]);
const WATCHED_LENGTHS: ReadonlySet<number> = new Set([...WATCHED].map((name) => name.length));

const refused = (problem: Refusal["problem"], detail: string): HeadCheck => ({ kind: "refused", refusal: { problem, detail } });

function framingOf(lengths: readonly string[], codings: readonly string[], minor: number): RequestFraming | undefined {
  if (codings.length > 0) {
    const chunked = codings.length === 1 && codings[0]?.toLowerCase() === "chunked";
    return chunked && lengths.length === 0 && minor === 1 ? { kind: "chunked" } : undefined;
  }
  if (lengths.length === 0) return { kind: "none" };
  const bytes = Number(lengths[0]);
  // canonical: what the number is written as again; rules out 054, +5, 5e0 and 0x5
  if (lengths.length > 1 || String(bytes) !== lengths[0] || !Number.isSafeInteger(bytes) || bytes < 0) return undefined;
  return bytes === 0 ? { kind: "none" } : { kind: "length", bytes };
}

/** What the client waits for; undefined: something that is not met. */
function expectation(lines: readonly string[], minor: number): "nothing" | "100-continue" | undefined {
  // an HTTP/1.0 client cannot expect anything (RFC 9110 section 10.1.1)
  if (lines.length === 0 || minor === 0) return "nothing";
  return lines.length === 1 && lines[0]?.toLowerCase() === "100-continue" ? "100-continue" : undefined;
}
