import { connectCall } from "../../model/connect.ts";
import { grpcKind } from "../../model/grpc.ts";
import type { HeaderLines } from "../../model/header-lines.ts";
import { ANONYMOUS } from "../../model/principal.ts";
import type { Refusal } from "../../model/problem.ts";
import type { Received } from "../../model/received.ts";
import type { Ids } from "../../ports/ids.ts";
import type { Arrival } from "../../ports/runnable-plan.ts";
import { originOf, type TrustedProxies } from "./client-address.ts";
import { withoutCredentials } from "../../support/credential-subprotocols.ts";
import { offerFault, WEBSOCKET_VERSION } from "../../support/websocket-handshake.ts";
import { parseHost } from "./host.ts";
import { NameBook } from "./name-book.ts";
import { namedLines, requestHeaders } from "./request-headers.ts";
import { parseTarget } from "./request-target.ts";
import { traceIds } from "./trace-ids.ts";

/** What ingress has to know of the configuration. */
export interface IngressSettings {
  readonly trustedProxies: TrustedProxies;
  /** Header names that may stand once beyond those the RFCs say: credential slots, tenant, owned and identity headers; lower case (C25). */
  readonly singleValued: ReadonlySet<string>;
  /** Prefixes of subprotocols that are credentials, in lower case; left out: none is. */
  readonly credentialSubprotocols?: readonly string[];
}

/** Ingress of one plan; made once, because it remembers what it learned of header names. */
export function ingress(settings: IngressSettings): (received: Received, ids: Ids) => Arrival {
  const names = new NameBook(settings.singleValued);
  const { trustedProxies: proxies, credentialSubprotocols: prefixes = [] } = settings;
  return (received, ids) => receive(received, { proxies, names, prefixes, ids });
}

interface ReceiveParts {
  readonly proxies: TrustedProxies;
  readonly names: NameBook;
  readonly prefixes: readonly string[];
  readonly ids: Ids;
}

/**
 * Turns what an inbound adapter received into an exchange, or refuses it: nothing ambiguous is repaired. The head of the
 * exchange is what interceptors see and what is forwarded (C19): ids, trace and forwarded headers are already the gateway's.
 * Framing and size were settled by the adapter.
 */
function receive(received: Received, { proxies, names, prefixes, ids }: ReceiveParts): Arrival {
  const lines = namedLines(received.headers, names);
  const { adopted: exchangeIds, keepsTracestate } = traceIds(lines.headers, ids);
  const host = parseHost(onlyHost(lines.headers) ?? "");
  const origin = originOf({ ...received, headers: lines.headers }, host ?? "", proxies);
  const refuse = (refusal: Refusal): Arrival => ({
    kind: "refused",
    refusal,
    ids: exchangeIds,
    clientAddress: origin.clientAddress,
    host: host ?? "",
  });

  if (UNANSWERED_METHODS.has(received.method))
    return refuse({ problem: "method_not_allowed", detail: `${received.method} is not answered here.` });
  if (!METHOD.test(received.method)) return refuse({ problem: "bad_request", detail: "The method is not a known one." });
  if (host === undefined) return refuse({ problem: "bad_request", detail: "Exactly one valid Host header is required." });
  const target = parseTarget(received.requestTarget, host, origin.scheme);
  if (!target.ok) return refuse(target.error);
  const unfit = received.upgrade === undefined ? undefined : offerFault(lines.headers);
  if (unfit !== undefined)
    return refuse({ problem: "bad_request", detail: unfit, headers: [["sec-websocket-version", WEBSOCKET_VERSION]] });
  const headers = requestHeaders(lines, {
    names,
    keepsXForwarded: origin.trusted && proxies.headers === "x-forwarded",
    keepsTracestate,
    host,
    own: [
      ...origin.lines,
      ["x-request-id", exchangeIds.requestId],
      ["x-correlation-id", exchangeIds.correlationId],
      ["traceparent", exchangeIds.traceparent],
    ],
  });
  if (!headers.ok) return refuse(headers.error);
  const shown = withoutCredentials(headers.value, prefixes);
  if (shown === undefined)
    return refuse({ problem: "bad_request", detail: "The Sec-WebSocket-Protocol header is not a list of tokens." });
  return {
    kind: "exchange",
    exchange: {
      ids: exchangeIds,
      listener: received.listener,
      protocol: received.upgrade ?? grpcKind(received.method, headers.value.first("content-type")) ?? "http",
      connect: connectCall({ method: received.method, headers: headers.value }),
      client: { address: origin.clientAddress, tlsSubject: received.tlsSubject },
      head: { method: received.method, scheme: origin.scheme, host, ...target.value, ...shown },
      body: received.body,
      principal: ANONYMOUS,
      tenant: "",
      labels: new Map(),
      response: undefined,
    },
  };
}

const METHOD = /^[A-Z][A-Z-]{0,31}$/;

// TRACE echoes credentials back to scripts, CONNECT asks for a tunnel past every review
const UNANSWERED_METHODS: ReadonlySet<string> = new Set(["TRACE", "CONNECT", "TRACK"]);

function onlyHost(headers: HeaderLines): string | undefined {
  const lines = headers.lines("host");
  return lines.length === 1 ? lines[0] : undefined;
}
