import { isStream } from "../../model/byte-stream.ts";
import { isIdempotent } from "../../model/idempotent-method.ts";
import type { UpstreamRequest } from "../../ports/upstream.ts";

/** Whether a request that was sent may be sent again: it does no harm, and all of its body is at hand. What opens a tunnel may have opened one. */
export const isRepeatable = ({ method, body, upgrade }: UpstreamRequest): boolean =>
  isIdempotent(method) && !isStream(body) && upgrade === undefined;
