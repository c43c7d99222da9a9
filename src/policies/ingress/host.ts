import { isIpAddress } from "../../support/ip-address.ts";

/**
 * A host as routes, views, logs and upstreams see it: lower case, the port only where one was sent. Undefined for anything
 * that two parties could read differently: userinfo, percent-encoding, a trailing dot or empty label, an empty port, one
 * with leading zeros or beyond 65535 (RFC 9110 section 7.2).
 */
export function parseHost(text: string): string | undefined {
  const match = HOST.exec(text);
  if (match === null) return undefined;
  const [, bracketed, port] = match;
  if (bracketed !== undefined && !(bracketed.includes(":") && isIpAddress(bracketed))) return undefined;
  if (port !== undefined && Number(port) > 65_535) return undefined;
  return text.toLowerCase();
}

/** `[address]` or labels of letters, digits, `-`, `_` joined by dots; then an optional port. 255 characters are the longest name there is. */
const HOST = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|(?=[^:]{1,255}(?::|$))[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)(?::([1-9][0-9]{0,4}))?$/;
