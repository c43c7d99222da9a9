import { isHeaderValue } from "../../model/header-text.ts";
import { HeaderLines } from "../../model/header-lines.ts";
import type { Refusal } from "../../model/problem.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { isHopByHop, isProtectedHeader } from "../../model/view-field.ts";
import { connectionOptions } from "../../support/connection-options.ts";
import { isForwardedLine } from "./forwarded-line.ts";
import type { GATEWAY_NAMES, NameBook, NameFacts } from "./name-book.ts";

/** A line of the gateway's own. */
export type OwnLine = readonly [name: (typeof GATEWAY_NAMES)[number], value: string];

/** How the lines of one request are judged. */
export interface HeaderTerms {
  readonly names: NameBook;
  /** Which forwarded headers a trusted peer may pass on. */
  readonly keepsXForwarded: boolean;
  readonly keepsTracestate: boolean;
  /** Takes the place of the Host line's value. */
  readonly host: string;
  readonly own: readonly OwnLine[];
}

/** A request's lines with what their names alone decide. */
export interface NamedLines {
  readonly headers: HeaderLines;
  /** One for each line. */
  readonly facts: readonly NameFacts[];
}

/** Looks the names of a request's lines up, once for all that follows. */
export function namedLines(received: HeaderLines, names: NameBook): NamedLines {
  const raw = received.toRaw();
  const facts: NameFacts[] = [];
  const lower: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const found = names.facts(raw[i] ?? "");
    facts.push(found);
    lower.push(found.name);
  }
  return { headers: HeaderLines.judged({ names: lower, raw, isWritable: false }), facts };
}

/**
 * The lines interceptors are shown and the upstream receives. Refused: a name that is none or has an underscore (some upstreams
 * read it as `-`), an illegal value, a single-valued header sent twice (C25), and a Connection header that names a field
 * it must not be able to remove. Dropped: hop-by-hop fields and those Connection names, `expect` (answered here),
 * `sallyport-*`, unproven forwarded headers, headers that smuggle another method or address (C26).
 */
export function requestHeaders({ headers, facts }: NamedLines, terms: HeaderTerms): Result<HeaderLines, Refusal> {
  const options = connectionOptions(headers);
  if (options === undefined) return refused("The Connection header is malformed.");
  for (const option of options) {
    if (isIndispensable(option, terms)) return refused(`The Connection header must not name ${option}.`);
  }
  const received = headers.toRaw();
  const singles: string[] = [];
  const names: string[] = [];
  const raw: string[] = [];
  for (let i = 0; i < facts.length; i += 1) {
    const known = facts[i] as NameFacts; // in its bounds
    const { name, complaint, isSingle } = known;
    const value = received[i * 2 + 1] ?? "";
    if (complaint !== undefined) return refused(complaint);
    if (!isHeaderValue(value)) return refused(`The header ${name.slice(0, 64)} has a character that must not stand in one.`);
    if (isSingle) {
      if (singles.includes(name)) return refused(`The header ${name} must stand once.`);
      singles.push(name);
    }
    if (!isKept(known, value, terms) || (options.size > 0 && options.has(name))) continue;
    names.push(name);
    raw.push(received[i * 2] ?? "", name === "host" ? terms.host : value);
  }
  for (const [name, value] of terms.own) {
    names.push(name);
    raw.push(name, value);
  }
  return ok(HeaderLines.judged({ names, raw, isWritable: terms.own.every(([, value]) => isHeaderValue(value)) }));
}

const refused = (detail: string): Result<never, Refusal> => err({ problem: "bad_request", detail });

function isKept({ name, passes }: NameFacts, value: string, terms: HeaderTerms): boolean {
  switch (passes) {
    case "always":
      return true;
    case "never":
      return false;
    case "x-forwarded":
      return terms.keepsXForwarded && isForwardedLine(name, value);
    case "tracestate":
      return terms.keepsTracestate;
    default:
      return passes satisfies never;
  }
}

/** Whether dropping the field would change who the request is from or what it means: that is not for the sender's connection to say. */
function isIndispensable(name: string, { names }: HeaderTerms): boolean {
  if (name.startsWith("content-") || name === "transfer-encoding") return true;
  if (isHopByHop(name)) return false;
  return isProtectedHeader("request", name) || names.isSingle(name) || name === "cookie" || name === "cache-control";
}
