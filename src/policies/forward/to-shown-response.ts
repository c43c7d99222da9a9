import { renderConnectProblem } from "../../model/connect-problem.ts";
import type { ErrorFormat } from "../../model/error-format.ts";
import type { Response } from "../../model/exchange.ts";
import type { HeaderLines } from "../../model/header-lines.ts";
import type { UpstreamErrorPolicy, UpstreamErrorsPlan } from "../../model/route-plan.ts";
import { renderProblem } from "../../model/problem-body.ts";
import { toClientResponse, type AnsweredExchange } from "./to-client-response.ts";

/** What showing an upstream's response has to know of the route. */
export interface ShownTerms {
  readonly upstreamErrors: UpstreamErrorsPlan;
  readonly errorFormat: ErrorFormat;
}

/** Makes the responses of one route's upstream as bindings after the response and the client see them. Another body than the response's own means that nobody reads that one. */
export type ShownResponses = (response: Response, exchange: AnsweredExchange) => Response;

/**
 * An upstream's answer as it is shown: an error that the route keeps to itself becomes a problem of the gateway's own, in the route's
 * form, so that no client reads what a service says of its inside. Everything else is the upstream's.
 */
export function shownResponses({ upstreamErrors, errorFormat }: ShownTerms): ShownResponses {
  return (response, exchange) => {
    const policy =
      response.status < 400 || response.isCallError === true ? "verbatim" : policyFor(upstreamErrors, response.status);
    if (policy === "verbatim") return toClientResponse(response, exchange);
    const status = policy === "opaque" ? response.status : BAD_GATEWAY;
    const refusal = {
      problem: "upstream_error",
      detail: "The upstream could not answer this request.",
      status,
      // what the upstream did before it failed is not known; 503 is its word that it did nothing
      retryable: status === UNAVAILABLE,
      headers: keptLines(response.headers),
    } as const;
    const { requestId, correlationId } = exchange.ids;
    return exchange.connect === undefined
      ? renderProblem(refusal, { requestId, correlationId }, errorFormat)
      : renderConnectProblem(refusal, exchange.connect, { requestId, correlationId });
  };
}

const BAD_GATEWAY = 502;
const UNAVAILABLE = 503;

// above 599 there is no class: whatever it is, it is no success
const policyFor = ({ client, server }: UpstreamErrorsPlan, status: number): UpstreamErrorPolicy =>
  status < 500 ? client : server;

/** What of an error's head stays: when to come back, how much is left, and what browsers need to read the answer at all. */
function keptLines(headers: HeaderLines): readonly (readonly [name: string, value: string])[] {
  const kept: (readonly [string, string])[] = [];
  headers.each((name, value) => {
    if (KEPT.has(name) || KEPT_PREFIXES.some((prefix) => name.startsWith(prefix))) kept.push([name, value]);
  });
  return kept;
}

const KEPT: ReadonlySet<string> = new Set([
  "allow",
  "retry-after",
  "retry-after-ms",
  "vary",
  "www-authenticate",
  "x-should-retry",
]);

const KEPT_PREFIXES = ["access-control-", "ratelimit", "x-ratelimit-"] as const;
