import type { Exchange, RequestHead } from "../../model/exchange.ts";
import type { HeaderLines } from "../../model/header-lines.ts";
import type { CredentialSlot, OwnCredentialSlot } from "../../model/credential-slot.ts";
import type { HashBy } from "../../model/upstream-plan.ts";
import { QueryText } from "../../model/query-text.ts";
import { isUntimely } from "../../model/passable-trailers.ts";
import { isFraming, isHopByHop, isProtectedHeader } from "../../model/view-field.ts";
import type { UpstreamRequest } from "../../ports/upstream.ts";
import { startsWithPrefix, withSubprotocols } from "../../support/credential-subprotocols.ts";

/** What forwarding has to know of the route. */
export interface ForwardTerms {
  /** Slots that are emptied: what stands there was for the gateway, or would be a second credential, and goes no further. */
  readonly inboundSlots: readonly CredentialSlot[];
  /** Headers only bindings of the route may set (C11): in trailers nobody could. */
  readonly ownedHeaders?: ReadonlySet<string>;
  /** The gateway's own credential; undefined: the request leaves without one. */
  readonly credential: { readonly slot: OwnCredentialSlot; readonly reveal: () => string } | undefined;
  /** What requests to the same endpoint of the upstream have in common; left out: nothing. */
  readonly hashBy?: HashBy | undefined;
}

/** What depends on the exchange. */
export interface ForwardChoice {
  /** A binding reads the response's body: then it is asked for uncoded and whole (C24). */
  readonly readsResponseBody: boolean;
}

/** How the gateway is called in `via` (RFC 9110 section 7.6.3). */
const VIA = ["via", "1.1 sallyport"] as const;

/** Makes the requests of one route as they leave it. */
export type UpstreamRequests = (exchange: Exchange, choice: ForwardChoice) => UpstreamRequest;

/**
 * The request as it leaves: the exchange's head as patched, without the inbound credentials and with the upstream's own, set
 * here and nowhere earlier (C19). Ids, trace and forwarded headers are in the head since ingress. Framing is the adapter's.
 * What follows from the route alone is worked out once.
 */
export function upstreamRequests(terms: ForwardTerms): UpstreamRequests {
  const slots = [...terms.inboundSlots, ...(terms.credential === undefined ? [] : [terms.credential.slot])];
  const stripped = new Set(slots.flatMap(headerOf));
  const queryNames = slots.flatMap((slot) => (slot.kind === "query" ? [slot.name] : []));
  const keepsSubprotocol = keepsSubprotocolsBut(slots);
  const passes = (name: string): boolean => !stripped.has(name) && !isFraming(name) && !isHopByHop(name);
  // ingress refuses an underscore in a head: some upstreams take it for a dash, and the name for another one
  const passesTrailer = (name: string): boolean =>
    !name.includes("_") &&
    passes(name) &&
    !isUntimely(name) &&
    !isProtectedHeader("request", name) &&
    terms.ownedHeaders?.has(name) !== true;
  const passesUncoded = (name: string): boolean => passes(name) && !ASKS_FOR_CODED_OR_PART.has(name);
  return (exchange, { readsResponseBody }) => {
    const { head, body, protocol } = exchange;
    const credential = terms.credential === undefined ? undefined : ownCredential(terms.credential);
    const added: string[] = [...VIA];
    if (readsResponseBody) added.push("accept-encoding", "identity");
    if (credential?.slot.kind === "bearer") added.push("authorization", `Bearer ${credential.text}`);
    if (credential?.slot.kind === "header") added.push(credential.slot.name, credential.text);
    const request = {
      method: head.method,
      requestTarget: requestTarget(head, queryNames, credential),
      headers: withSubprotocols(
        withHost(head).derive(readsResponseBody ? passesUncoded : passes, added),
        head.credentialSubprotocols?.filter(keepsSubprotocol),
      ),
      body,
      passesTrailer,
      affinity: terms.hashBy === undefined ? undefined : affinityOf(exchange, terms.hashBy),
    };
    return protocol === "websocket" ? { ...request, upgrade: protocol } : request;
  };
}

/** Empties credential slots of a head, as a request leaves: for routes it was matched on before it was moved, since what was shown to them goes no further either. */
export function credentialsRemoved(slots: readonly CredentialSlot[]): (head: RequestHead) => RequestHead {
  const stripped = new Set(slots.flatMap(headerOf));
  const queryNames = slots.flatMap((slot) => (slot.kind === "query" ? [slot.name] : []));
  const keepsSubprotocol = keepsSubprotocolsBut(slots);
  return (head) => {
    const { credentialSubprotocols } = head;
    const left = {
      ...head,
      headers: head.headers.without((name) => stripped.has(name)),
      ...(credentialSubprotocols && { credentialSubprotocols: credentialSubprotocols.filter(keepsSubprotocol) }),
    };
    if (head.query === undefined || queryNames.length === 0) return left;
    const text = queryNames.reduce((query, name) => query.withName(name, undefined), new QueryText(head.query));
    return { ...left, query: text.raw === "" ? undefined : text.raw };
  };
}

/** Whether a subprotocol stands in none of these slots. */
function keepsSubprotocolsBut(slots: readonly CredentialSlot[]): (subprotocol: string) => boolean {
  const prefixes = slots.flatMap((slot) => (slot.kind === "websocket-protocol" ? [slot.prefix] : []));
  return (subprotocol) => !prefixes.some((prefix) => startsWithPrefix(subprotocol, prefix));
}

/** Empty is as good as absent: who says nothing is not like the others who say nothing. */
function affinityOf({ client, principal, tenant, head }: Exchange, hashBy: HashBy): string | undefined {
  switch (hashBy.kind) {
    case "client-address":
      return client.address || undefined;
    case "principal":
      return principal.id || undefined;
    case "tenant":
      return tenant || undefined;
    case "header":
      return head.headers.first(hashBy.name) || undefined;
    default:
      return hashBy satisfies never;
  }
}

/** The head's lines, its host line being what was matched. */
const withHost = ({ headers, host }: Exchange["head"]): HeaderLines =>
  headers.first("host") === host || !headers.has("host") ? headers : headers.with("host", [host]);

const ownCredential = ({ slot, reveal }: NonNullable<ForwardTerms["credential"]>): OwnCredential => ({ slot, text: reveal() });

interface OwnCredential {
  readonly slot: OwnCredentialSlot;
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
    case "websocket-protocol":
      return [];
    default:
      return slot satisfies never;
  }
}

function requestTarget(
  { path, query }: Exchange["head"],
  names: readonly string[],
  credential: OwnCredential | undefined,
): string {
  if (names.length === 0) return query === undefined ? path : `${path}?${query}`;
  if (query === undefined && credential?.slot.kind !== "query") return path;
  let text = new QueryText(query ?? "");
  for (const name of names) text = text.withName(name, undefined);
  if (credential?.slot.kind === "query") text = text.withName(credential.slot.name, [credential.text]);
  return text.raw === "" ? path : `${path}?${text.raw}`;
}
