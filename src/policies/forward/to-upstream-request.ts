import type { Exchange } from "../../model/exchange.ts";
import { HeaderLines } from "../../model/header-lines.ts";
import type { CredentialSlot } from "../../model/plan.ts";
import { QueryText } from "../../model/query-text.ts";
import { isFraming, isHopByHop } from "../../model/view-field.ts";
import type { UpstreamRequest } from "../../ports/upstream.ts";

/** What forwarding has to know of the route. */
export interface ForwardTerms {
  /** Slots the route's authenticators read: what stands there was for the gateway and goes no further. */
  readonly inboundSlots: readonly CredentialSlot[];
  /** The gateway's own credential; undefined: the request leaves without one. */
  readonly credential: { readonly slot: CredentialSlot; readonly reveal: () => string } | undefined;
  /** Whether a binding reads the response's body: then it is asked for uncoded and whole (C24). */
  readonly readsResponseBody: boolean;
}

/** How the gateway is called in `via` (RFC 9110 section 7.6.3). */
const VIA = "1.1 sallyport";

/**
 * The request as it leaves: the exchange's head as patched, without the inbound credentials and with the upstream's own, set
 * here and nowhere earlier (C19). Ids, trace and forwarded headers are in the head since ingress. Framing is the adapter's.
 */
export function toUpstreamRequest(exchange: Exchange, terms: ForwardTerms): UpstreamRequest {
  const { head } = exchange;
  const credential = terms.credential === undefined ? undefined : ownCredential(terms.credential);
  const slots = [...terms.inboundSlots, ...(credential === undefined ? [] : [credential.slot])];
  const stripped = new Set(slots.flatMap(headerOf));
  const raw: string[] = [];
  head.headers.each((name, value, writtenName) => {
    if (stripped.has(name) || isFraming(name) || isHopByHop(name)) return;
    if (terms.readsResponseBody && ASKS_FOR_CODED_OR_PART.has(name)) return;
    raw.push(writtenName, name === "host" ? head.host : value);
  });
  raw.push("via", VIA);
  if (terms.readsResponseBody) raw.push("accept-encoding", "identity");
  if (credential?.slot.kind === "bearer") raw.push("authorization", `Bearer ${credential.text}`);
  if (credential?.slot.kind === "header") raw.push(credential.slot.name, credential.text);
  return {
    method: head.method,
    requestTarget: requestTarget(exchange, slots, credential),
    headers: HeaderLines.fromRaw(raw),
    body: exchange.body,
  };
}

const ownCredential = ({ slot, reveal }: NonNullable<ForwardTerms["credential"]>): OwnCredential => ({ slot, text: reveal() });

interface OwnCredential {
  readonly slot: CredentialSlot;
  readonly text: string;
}

const ASKS_FOR_CODED_OR_PART: ReadonlySet<string> = new Set(["accept-encoding", "range", "if-range"]);

function headerOf(slot: CredentialSlot): readonly string[] {
  switch (slot.kind) {
    case "bearer":
      return ["authorization"];
    case "header":
      return [slot.name];
    case "query":
      return [];
    default:
      return slot satisfies never;
  }
}

function requestTarget(exchange: Exchange, slots: readonly CredentialSlot[], credential: OwnCredential | undefined): string {
  const { path, query } = exchange.head;
  const names = slots.flatMap((slot) => (slot.kind === "query" ? [slot.name] : []));
  if (names.length === 0) return query === undefined ? path : `${path}?${query}`;
  let text = new QueryText(query ?? "");
  for (const name of names) text = text.withName(name, undefined);
  if (credential?.slot.kind === "query") text = text.withName(credential.slot.name, [credential.text]);
  return text.raw === "" ? path : `${path}?${text.raw}`;
}
