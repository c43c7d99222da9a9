import { ANONYMOUS } from "../../model/principal.ts";
import type { Refusal } from "../../model/problem.ts";
import type { Received } from "../../model/received.ts";
import type { Ids } from "../../ports/ids.ts";
import type { Arrival } from "../../ports/runnable-plan.ts";
import { originOf, type TrustedProxies } from "./client-address.ts";
import { parseHost } from "./host.ts";
import { requestHeaders } from "./request-headers.ts";
import { parseTarget } from "./request-target.ts";
import { traceIds } from "./trace-ids.ts";

/** What ingress has to know of the configuration. */
export interface IngressSettings {
  readonly trustedProxies: TrustedProxies;
  /** Header names that may stand once beyond those the RFCs say: credential slots, tenant, owned and identity headers; lower case (C25). */
  readonly singleValued: ReadonlySet<string>;
}

/**
 * Turns what an inbound adapter received into an exchange, or refuses it: nothing ambiguous is repaired. The head of the
 * exchange is what interceptors see and what is forwarded (C19): ids, trace and forwarded headers are already the gateway's.
 * Framing and size were settled by the adapter.
 */
export function receive(received: Received, settings: IngressSettings, ids: Ids): Arrival {
  const { continuesTrace, ...exchangeIds } = traceIds(received.headers, ids);
  const host = parseHost(onlyHost(received) ?? "");
  const origin = originOf(received, host ?? "", settings.trustedProxies);
  const refuse = (refusal: Refusal): Arrival => ({
    kind: "refused",
    refusal,
    ids: exchangeIds,
    clientAddress: origin.clientAddress,
    host: host ?? "",
  });

  if (UNANSWERED_METHODS.has(received.method))
    return refuse({ problem: "method_not_allowed", detail: `${received.method} is not answered here.` });
  if (!/^[A-Z][A-Z-]{0,31}$/.test(received.method))
    return refuse({ problem: "bad_request", detail: "The method is not a known one." });
  if (host === undefined) return refuse({ problem: "bad_request", detail: "Exactly one valid Host header is required." });
  const target = parseTarget(received.requestTarget, host, origin.scheme);
  if (!target.ok) return refuse(target.error);
  const headers = requestHeaders(received.headers, {
    singleValued: settings.singleValued,
    keepsXForwarded: origin.trusted && settings.trustedProxies.headers === "x-forwarded",
    keepsTracestate: continuesTrace,
    host,
    own: [
      ...origin.lines,
      ["x-request-id", exchangeIds.requestId],
      ["x-correlation-id", exchangeIds.correlationId],
      ["traceparent", exchangeIds.traceparent],
    ],
  });
  if (!headers.ok) return refuse(headers.error);
  return {
    kind: "exchange",
    exchange: {
      ids: exchangeIds,
      listener: received.listener,
      protocol: "http",
      client: { address: origin.clientAddress, tlsSubject: received.tlsSubject },
      head: { method: received.method, scheme: origin.scheme, host, ...target.value, headers: headers.value },
      body: received.body,
      principal: ANONYMOUS,
      tenant: "",
      labels: new Map(),
      response: undefined,
    },
  };
}

// TRACE echoes credentials back to scripts, CONNECT asks for a tunnel past every review
const UNANSWERED_METHODS: ReadonlySet<string> = new Set(["TRACE", "CONNECT", "TRACK"]);

function onlyHost(received: Received): string | undefined {
  const lines = received.headers.lines("host");
  return lines.length === 1 ? lines[0] : undefined;
}
