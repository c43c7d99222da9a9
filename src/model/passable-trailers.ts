import type { HeaderLines } from "./header-lines.ts";
import { isProtectedHeader } from "./view-field.ts";

/**
 * Trailers of a response as they may go on to the client (C26): nothing that frames, routes, authenticates or controls the message they
 * follow (RFC 9110 section 6.5.1), nothing that is the gateway's own to say. Undefined: nothing is left.
 */
export function passableTrailers(trailers: HeaderLines): HeaderLines | undefined {
  const passing = trailers.without(isUntimely);
  return passing.size === 0 ? undefined : passing;
}

/** Whether a field behind a body would be too late, or could make somebody take the message for another one than was reviewed. */
export const isUntimely = (name: string): boolean =>
  isProtectedHeader("response", name) || name.startsWith("content-") || UNTIMELY.has(name);

const UNTIMELY: ReadonlySet<string> = new Set([
  ...["age", "authorization", "cache-control", "cookie", "date", "expires", "location", "max-forwards", "pragma"],
  ...["range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"],
  ...["retry-after", "vary", "warning", "www-authenticate", "strict-transport-security"],
]);
