import type { Response } from "../model/exchange.ts";
import { HeaderLines } from "../model/header-lines.ts";
import type { Received } from "../model/received.ts";
import { discardBody } from "../pipeline/forward.ts";
import type { PublicKeys } from "../ports/admin-facts.ts";
import type { Handle } from "../ports/inbound.ts";
import { JWKS_MAX_AGE_S, JWKS_PATH } from "../ports/jwk-set.ts";

/**
 * Answers the JWKS on the named listeners, before anything else sees the request (C38): neither routes nor reviews, no access log line.
 * Only the exact path, asked for with GET or HEAD: all else is ordinary traffic, as the path itself is on other listeners. The set is
 * looked at each time, because a reload may change it.
 */
export function answeringJwks(handle: Handle, listeners: ReadonlySet<string>, keys: PublicKeys): Handle {
  return (received, cancel) => {
    if (received.requestTarget !== JWKS_PATH || !isRead(received) || !listeners.has(received.listener))
      return handle(received, cancel);
    discardBody(received.body);
    return Promise.resolve({ response: jwksResponse(keys), onSent: () => {} });
  };
}

const isRead = ({ method }: Received): boolean => method === "GET" || method === "HEAD";

const jwksResponse = (keys: PublicKeys): Response => ({
  status: 200,
  headers: HeaderLines.of(["content-type", "application/json"], ["cache-control", `public, max-age=${JWKS_MAX_AGE_S}`]),
  body: new TextEncoder().encode(JSON.stringify(keys.jwks())),
});
