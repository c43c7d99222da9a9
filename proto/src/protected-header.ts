import type { Side } from "./field.ts";

/**
 * Whether no patch may ever write this header (C10, C26, C27), whatever was granted. Names are compared with `_` read
 * as `-`, because some upstreams do. What a plan hides (credentials) and what other bindings own is known to the
 * gateway only and comes on top. `set-cookie` counts as protected: appending to it is a power of its own (C23).
 */
export function isProtectedHeader(side: Side, name: string): boolean {
  const spelled = name.includes("_") ? name.replaceAll("_", "-") : name;
  if (isFraming(spelled) || isHopByHop(spelled)) return true;
  if (PROTECTED.has(spelled) || PROTECTED_PREFIXES.some((prefix) => spelled.startsWith(prefix))) return true;
  return side === "response" && spelled.startsWith("access-control-");
}

/** Whether a header belongs to one connection only (RFC 9110 section 7.6.1) and is never passed on as it came. */
export const isHopByHop = (name: string): boolean => HOP_BY_HOP.has(name);

/** Whether a header says where a body ends (RFC 9112 section 6): only the gateway writes these. */
export const isFraming = (name: string): boolean => name === "content-length" || name === "transfer-encoding";

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const PROTECTED: ReadonlySet<string> = new Set([
  // /request/host says it, and is not writable
  "host",
  // what was reviewed decoded must not be decoded otherwise by the upstream (C24)
  "content-encoding",
  "expect",
  // identity of the exchange and of its caller, written by the gateway
  "forwarded",
  "traceparent",
  "tracestate",
  "via",
  "x-correlation-id",
  "x-real-ip",
  "x-request-id",
  // another method or path than the reviewed one, for upstreams that listen to them (C26)
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-url",
  "x-rewrite-url",
  // only appended to, with the power set-cookies (C23)
  "set-cookie",
]);

const PROTECTED_PREFIXES = ["sallyport-", "sec-websocket-", "x-forwarded-"] as const;
