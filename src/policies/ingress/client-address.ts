import type { HeaderLines } from "../../model/header-lines.ts";
import type { Received } from "../../model/received.ts";
import { plainAddress, type AddressSet } from "../../support/cidr.ts";
import { parseForwarded, type ForwardedElement } from "./forwarded.ts";
import { parseHost } from "./host.ts";
import type { OwnLine } from "./request-headers.ts";

/** Whose word on the client's address counts, and in which header it stands. */
export interface TrustedProxies {
  readonly addresses: AddressSet;
  readonly headers: "x-forwarded" | "forwarded" | "none";
}

/** Where a request came from, as far as trusted proxies vouch for it. */
export interface Origin {
  readonly clientAddress: string;
  /** The client's scheme; the connection's own unless a trusted proxy says otherwise. */
  readonly scheme: "http" | "https";
  /** Whether the other end of the connection is trusted to say so. */
  readonly trusted: boolean;
  /** Lines the upstream gets: what came from trusted hops, then ours. */
  readonly lines: readonly OwnLine[];
}

/** More hops than this are no deployment but an attack on whoever reads the header next. */
const MAX_HOPS = 32;

/** What a proxy tells of the request it received. */
interface Told {
  readonly scheme: string | undefined;
  readonly host: string | undefined;
}

/** One hop as a header tells it. */
interface Hop extends Told {
  readonly address: string;
  readonly text: string;
}

/**
 * Finds the client: from the connection's other end leftwards through the hops a header names, as long as the last one found
 * is trusted; the first untrusted one is the client. A hop that is no address ends the walk, and it and everything left of
 * it is forgotten. Without a trusted peer the header is not read at all.
 */
export function originOf(received: Received, host: string, proxies: TrustedProxies): Origin {
  const peer = plainAddress(received.peerAddress) ?? received.peerAddress;
  const trusted = proxies.headers !== "none" && proxies.addresses.has(peer);
  const hops = trusted ? HOPS[proxies.headers](received.headers) : [];
  const client = clientHop(hops, peer, proxies.addresses);
  const told = client ?? (trusted && proxies.headers === "x-forwarded" ? xForwardedTold(received.headers) : undefined);
  const scheme = told?.scheme === "http" || told?.scheme === "https" ? told.scheme : received.scheme;
  const lines: OwnLine[] = [
    ["x-forwarded-for", hops.length === 0 ? peer : [...hops.map(({ address }) => address), peer].join(", ")],
    ["x-forwarded-proto", scheme],
    ["x-forwarded-host", told?.host === undefined ? host : (parseHost(told.host) ?? host)],
  ];
  if (proxies.headers === "forwarded") {
    const own = `for=${nodeText(peer)};proto=${received.scheme};host="${host}"`;
    lines.push(["forwarded", [...hops.map(({ text }) => text), own].join(", ")]);
  }
  return { clientAddress: client?.address ?? peer, scheme, trusted, lines };
}

const HOPS = { "x-forwarded": xForwardedHops, forwarded: forwardedHops, none: (): readonly Hop[] => [] } as const;

/** The hop the walk ends at; undefined when nobody stands in front of the peer. */
function clientHop(hops: readonly Hop[], peer: string, trusted: AddressSet): Hop | undefined {
  let found: Hop | undefined;
  for (const hop of hops.toReversed()) {
    if (!trusted.has(found?.address ?? peer)) break;
    found = hop;
  }
  return found;
}

function xForwardedHops(headers: HeaderLines): readonly Hop[] {
  const told = xForwardedTold(headers);
  const entries = headers.lines("x-forwarded-for").join(",").split(",").slice(-MAX_HOPS);
  return validTail(entries.map((entry) => hopOf(entry.trim(), entry.trim(), told)));
}

const xForwardedTold = (headers: HeaderLines): Told => ({
  scheme: only(headers, "x-forwarded-proto")?.toLowerCase(),
  host: only(headers, "x-forwarded-host"),
});

function forwardedHops(headers: HeaderLines): readonly Hop[] {
  const elements = parseForwarded(headers.lines("forwarded").join(",")) ?? [];
  return validTail(elements.slice(-MAX_HOPS).map(forwardedHop));
}

const forwardedHop = ({ text, parameters }: ForwardedElement): Hop | undefined =>
  hopOf(parameters.get("for") ?? "", text, { scheme: parameters.get("proto")?.toLowerCase(), host: parameters.get("host") });

function hopOf(node: string, text: string, told: Told): Hop | undefined {
  const [, bracketed, bare] = /^(?:\[([^\]]*)\](?::[0-9]{1,5})?|([0-9.]+)(?::[0-9]{1,5})?|.*)$/.exec(node) ?? [];
  const address = plainAddress(bracketed ?? bare ?? node);
  return address === undefined ? undefined : { address, text, ...told };
}

function validTail(hops: readonly (Hop | undefined)[]): readonly Hop[] {
  const tail: Hop[] = [];
  for (const hop of hops.toReversed()) {
    if (hop === undefined) break;
    tail.unshift(hop);
  }
  return tail;
}

function only(headers: HeaderLines, name: string): string | undefined {
  const lines = headers.lines(name);
  return lines.length === 1 ? lines[0] : undefined;
}

/** A node identifier: IPv6 in brackets, and quoted because of its colons (RFC 7239 section 6). */
function nodeText(address: string): string {
  if (address.includes(":")) return `"[${address}]"`;
  return /^[0-9.]+$/.test(address) ? address : "unknown";
}
