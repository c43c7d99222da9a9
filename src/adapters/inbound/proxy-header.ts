import { SocketAddress } from "node:net";
import { plainAddress } from "../../support/cidr.ts";
import { isIpAddress } from "../../support/ip-address.ts";
import type { Sniffed } from "./sniff.ts";

/** Whom a proxy says it speaks for; `address` undefined: for itself, such as a health check. */
export interface ProxySource {
  readonly address: string | undefined;
}

const V1_START = Buffer.from("PROXY ", "latin1");
const V2_START = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/** Longest line of version 1, its end included. */
const V1_MAX_BYTES = 107;

/** Head of version 2, before addresses and what else is said. */
const V2_HEAD_BYTES = 16;

/** Most bytes behind that head; addresses take 36, and what else proxies say some hundred. */
const V2_MAX_REST_BYTES = 4096;

/** Reads a header of the PROXY protocol, version 1 or 2, from the first bytes of a connection. What is not exactly one is refused. */
export function parseProxyHeader(seen: Buffer): Sniffed<ProxySource> {
  if (startsLike(seen, V2_START)) return seen.byteLength < V2_HEAD_BYTES ? MORE : parseV2(seen);
  if (startsLike(seen, V1_START)) return parseV1(seen);
  return refused("the connection does not begin with a PROXY header");
}

const MORE = { kind: "more" } as const;

const refused = (reason: string): Sniffed<ProxySource> => ({ kind: "refused", reason });

function startsLike(seen: Buffer, start: Buffer): boolean {
  const length = Math.min(seen.byteLength, start.byteLength);
  return seen.subarray(0, length).equals(start.subarray(0, length));
}

function parseV1(seen: Buffer): Sniffed<ProxySource> {
  const end = seen.subarray(0, V1_MAX_BYTES).indexOf("\r\n");
  if (end < 0) return seen.byteLength < V1_MAX_BYTES ? MORE : refused("the PROXY line is too long");
  const line = seen.toString("latin1", 0, end);
  const bytes = end + 2;
  if (/^PROXY UNKNOWN(?: .*)?$/.test(line)) return { kind: "found", value: { address: undefined }, bytes };
  const [, family, source = "", target = "", ...ports] =
    /^PROXY TCP([46]) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) ([0-9]{1,5}) ([0-9]{1,5})$/.exec(line) ?? [];
  const isFamily = (address: string): boolean => isIpAddress(address) && address.includes(":") === (family === "6");
  if (!isFamily(source) || !isFamily(target) || ports.some((port) => Number(port) > 65_535))
    return refused("the PROXY line is malformed");
  return { kind: "found", value: { address: shown(source) }, bytes };
}

function parseV2(seen: Buffer): Sniffed<ProxySource> {
  const versionAndCommand = seen.readUInt8(12);
  const familyAndTransport = seen.readUInt8(13);
  const restBytes = seen.readUInt16BE(14);
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21)
    return refused("the PROXY header has an unknown version or command");
  if (restBytes > V2_MAX_REST_BYTES) return refused("the PROXY header is too long");
  const bytes = V2_HEAD_BYTES + restBytes;
  if (seen.byteLength < bytes) return MORE;
  // LOCAL: the proxy for itself; no family: it cannot say for whom
  if (versionAndCommand === 0x20 || familyAndTransport === 0x00) return { kind: "found", value: { address: undefined }, bytes };
  const addressBytes = ADDRESS_BYTES.get(familyAndTransport);
  if (addressBytes === undefined || restBytes < 2 * addressBytes + 4)
    return refused("the PROXY header is not about a TCP connection");
  return { kind: "found", value: { address: addressText(seen.subarray(V2_HEAD_BYTES, V2_HEAD_BYTES + addressBytes)) }, bytes };
}

/** TCP over IPv4 and over IPv6. */
const ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([
  [0x11, 4],
  [0x21, 16],
]);

function addressText(bytes: Buffer): string {
  if (bytes.byteLength === 4) return bytes.join(".");
  return shown(Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16)).join(":"));
}

/** In the one spelling addresses have here. */
const shown = (address: string): string =>
  plainAddress(new SocketAddress({ address, family: address.includes(":") ? "ipv6" : "ipv4" }).address) ?? address;
