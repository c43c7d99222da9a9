import { isHeaderName } from "../../model/header-text.ts";
import { isHopByHop } from "../../model/view-field.ts";

/** What ingress decides about a header line by its name alone. */
export interface NameFacts {
  /** In lower case. */
  readonly name: string;
  /** Why a request with such a line is refused; undefined: it is not, for its name. */
  readonly complaint: string | undefined;
  /** More than one line of that name is refused. */
  readonly isSingle: boolean;
  /** Whether such lines go on to interceptors and upstream. */
  readonly passes: "always" | "never" | "x-forwarded" | "tracestate";
}

/** Names of lines the gateway writes itself; whatever a client sent under them is gone. */
export const GATEWAY_NAMES = [
  ...["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"],
  ...["x-request-id", "x-correlation-id", "traceparent"],
] as const;

/** Most names remembered: clients send the same few, and who sends others all the time gains nothing but work of the size of his request. */
const MAX_NAMES = 1024;

/** Longer names are not remembered. */
const MAX_NAME_CHARACTERS = 64;

/**
 * The facts of header names, remembered by their spelling: looking them up took half of what ingress costs a request (2026-11).
 * One per plan; what it knows follows from the plan alone, so forgetting changes nothing.
 */
export class NameBook {
  readonly #singleValued: ReadonlySet<string>;
  readonly #known = new Map<string, NameFacts>();

  /** `singleValued`: names that may stand once beyond those the RFCs say; lower case (C25). */
  constructor(singleValued: ReadonlySet<string>) {
    this.#singleValued = singleValued;
  }

  /** The facts of a name as it was written. */
  facts(written: string): NameFacts {
    const known = this.#known.get(written);
    if (known !== undefined) return known;
    if (written.length > MAX_NAME_CHARACTERS) return this.#find(written);
    // a copy: what a parser gives may be a piece of the whole head, and would keep it
    const own = Array.from(written).join("");
    const facts = this.#find(own);
    // what is refused is not worth remembering
    if (facts.complaint !== undefined) return facts;
    if (this.#known.size >= MAX_NAMES) this.#known.clear();
    this.#known.set(own, facts);
    return facts;
  }

  /** Whether the name, in lower case, may stand once. */
  isSingle(name: string): boolean {
    return SINGLE_VALUED.has(name) || this.#singleValued.has(name);
  }

  #find(written: string): NameFacts {
    const name = written.toLowerCase();
    return { name, complaint: complaintAbout(written, name), isSingle: this.isSingle(name), passes: passes(name) };
  }
}

function complaintAbout(written: string, name: string): string | undefined {
  if (name.includes("_")) return `The header name ${JSON.stringify(name.slice(0, 64))} has an underscore.`;
  // as written too: some letters beyond ASCII become ASCII in lower case
  return isHeaderName(name) && /^[\x21-\x7e]+$/.test(written) ? undefined : "A header has a name that is not a token.";
}

function passes(name: string): NameFacts["passes"] {
  if (isHopByHop(name) || DROPPED.has(name) || OWN.has(name) || name.startsWith("sallyport-")) return "never";
  if (name.startsWith("x-forwarded-") || name === "x-real-ip") return "x-forwarded";
  return name === "tracestate" ? "tracestate" : "always";
}

const OWN: ReadonlySet<string> = new Set(GATEWAY_NAMES);

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
  "expect",
  ...["x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url"],
]);
