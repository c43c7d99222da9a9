import type { Exchange } from "../../src/model/exchange.ts";
import { HeaderLines } from "../../src/model/header-lines.ts";
import { ANONYMOUS } from "../../src/model/principal.ts";
import type { Received } from "../../src/model/received.ts";

/** A GET for `/v1/orders` of `api.test`, with these lines behind the Host line and whatever else a test wants otherwise. */
export function receivedWith(
  lines: readonly (readonly [name: string, value: string])[],
  change: Partial<Received> = {},
): Received {
  return {
    method: "GET",
    requestTarget: "/v1/orders",
    headers: HeaderLines.of(["Host", "api.test"], ...lines),
    body: undefined,
    scheme: "http",
    listener: "public",
    peerAddress: "203.0.113.9",
    tlsSubject: "",
    ...change,
  };
}

/** An exchange with this head, as ingress would make it. */
export function exchangeWith(
  lines: readonly (readonly [name: string, value: string])[],
  change: Partial<Exchange["head"]> = {},
): Exchange {
  return {
    ids: {
      requestId: "r-1",
      correlationId: "c-1",
      traceId: "1".repeat(32),
      traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01`,
    },
    listener: "public",
    protocol: "http",
    client: { address: "203.0.113.9", tlsSubject: "" },
    head: {
      method: "GET",
      scheme: "http",
      host: "api.test",
      path: "/v1/orders",
      query: undefined,
      headers: HeaderLines.of(["Host", "api.test"], ...lines),
      ...change,
    },
    body: undefined,
    principal: ANONYMOUS,
    tenant: "",
    labels: new Map(),
    response: undefined,
  };
}
