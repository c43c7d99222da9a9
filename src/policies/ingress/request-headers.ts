import { isHeaderName, isHeaderValue } from "../../model/header-text.ts";
import { HeaderLines } from "../../model/header-lines.ts";
import type { Refusal } from "../../model/problem.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { isHopByHop, isProtectedHeader } from "../../model/view-field.ts";
import { connectionOptions } from "../../support/connection-options.ts";

/** How the lines of one request are judged. */
export interface HeaderTerms {
  /** Names that may stand once, beyond those the RFCs say: credential slots, tenant, owned and identity headers; lower case. */
  readonly singleValued: ReadonlySet<string>;
  /** Which forwarded headers a trusted peer may pass on. */
  readonly keepsXForwarded: boolean;
  readonly keepsTracestate: boolean;
  /** Takes the place of the Host line's value. */
  readonly host: string;
  /** Lines of the gateway's own; whatever the client sent under these names is gone. */
  readonly own: readonly (readonly [name: string, value: string])[];
}

/**
 * The lines interceptors are shown and the upstream receives. Refused: a name that is none or has an underscore (some upstreams
 * read it as `-`), an illegal value, a single-valued header sent twice (C25), and a Connection header that names a field
 * it must not be able to remove. Dropped: hop-by-hop fields and those Connection names, `expect` (answered here),
 * `sallyport-*`, unproven forwarded headers, headers that smuggle another method or address (C26).
 */
export function requestHeaders(received: HeaderLines, terms: HeaderTerms): Result<HeaderLines, Refusal> {
  const options = connectionOptions(received);
  if (options === undefined) return refused("The Connection header is malformed.");
  for (const option of options) {
    if (isIndispensable(option, terms)) return refused(`The Connection header must not name ${option}.`);
  }
  const owned = new Set(terms.own.map(([name]) => name));
  const seen = new Set<string>();
  const raw: string[] = [];
  let complaint: string | undefined;
  received.each((name, value, writtenName) => {
    complaint ??= complaintAbout(name, value) ?? repeated(name, seen, terms);
    seen.add(name);
    if (isDropped(name, terms) || options.has(name) || owned.has(name)) return;
    raw.push(writtenName, name === "host" ? terms.host : value);
  });
  if (complaint !== undefined) return refused(complaint);
  for (const [name, value] of terms.own) raw.push(name, value);
  return ok(HeaderLines.fromRaw(raw));
}

const refused = (detail: string): Result<never, Refusal> => err({ problem: "bad_request", detail });

function complaintAbout(name: string, value: string): string | undefined {
  if (name.includes("_")) return `The header name ${JSON.stringify(name.slice(0, 64))} has an underscore.`;
  if (!isHeaderName(name)) return "A header has a name that is not a token.";
  return isHeaderValue(value) ? undefined : `The header ${name.slice(0, 64)} has a character that must not stand in one.`;
}

function repeated(name: string, seen: ReadonlySet<string>, terms: HeaderTerms): string | undefined {
  const once = SINGLE_VALUED.has(name) || terms.singleValued.has(name);
  return once && seen.has(name) ? `The header ${name} must stand once.` : undefined;
}

function isDropped(name: string, terms: HeaderTerms): boolean {
  if (isHopByHop(name) || DROPPED.has(name) || name.startsWith("sallyport-")) return true;
  if (name.startsWith("x-forwarded-") || name === "x-real-ip") return !terms.keepsXForwarded;
  return name === "tracestate" && !terms.keepsTracestate;
}

/** Whether dropping the field would change who the request is from or what it means: that is not for the sender's connection to say. */
function isIndispensable(name: string, terms: HeaderTerms): boolean {
  if (name.startsWith("content-") || name === "transfer-encoding") return true;
  if (isHopByHop(name)) return false;
  return (
    isProtectedHeader("request", name) ||
    SINGLE_VALUED.has(name) ||
    terms.singleValued.has(name) ||
    name === "cookie" ||
    name === "cache-control"
  );
}

/** Fields of RFC 9110 and 9111, 6265 and 6454 that hold one value, not a list. `cookie` is left out: its lines are joined. */
const SINGLE_VALUED: ReadonlySet<string> = new Set([
  ...["authorization", "content-length", "content-location", "content-range", "content-type", "date", "expect", "from", "host"],
  ...[
    "if-modified-since",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "origin",
    "proxy-authorization",
    "range",
    "referer",
    "user-agent",
  ],
]);

const DROPPED: ReadonlySet<string> = new Set([
  ...["expect", "forwarded"],
  ...["x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url"],
]);
