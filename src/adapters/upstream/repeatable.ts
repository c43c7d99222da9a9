import { isStream } from "../../model/byte-stream.ts";
import type { UpstreamRequest } from "../../ports/upstream.ts";

/** Methods that do the same when done twice (RFC 9110 section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Whether doing it twice is doing it once. */
export const isIdempotent = (method: string): boolean => IDEMPOTENT.has(method);

/** Whether a request that was sent may be sent again: it does no harm, and all of its body is at hand. What opens a tunnel may have opened one. */
export const isRepeatable = ({ method, body, upgrade }: UpstreamRequest): boolean =>
  isIdempotent(method) && !isStream(body) && upgrade === undefined;
