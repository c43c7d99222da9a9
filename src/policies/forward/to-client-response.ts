import type { Exchange, Response, TraceIds } from "../../model/exchange.ts";
import { HeaderLines } from "../../model/header-lines.ts";
import { isHopByHop, isProtectedHeader } from "../../model/view-field.ts";
import { connectionOptions } from "../../support/connection-options.ts";

/** What of an exchange its response names. */
export interface AnsweredExchange {
  readonly ids: Pick<TraceIds, "requestId" | "correlationId">;
  /** Where it is a call of Connect: how it is told of errors. */
  readonly connect?: Exchange["connect"];
}

/**
 * An upstream's or a responder's response as interceptors and the client may see it: without hop-by-hop fields, fields its
 * Connection header names, and `sallyport-*`; with the exchange's ids in place of whatever the upstream echoed. What gateway and client rely on
 * (`content-*`, `set-cookie`, caching) a Connection header cannot remove. Framing is decided again by the inbound adapter.
 */
export function toClientResponse(response: Response, exchange: AnsweredExchange): Response {
  const options = connectionOptions(response.headers) ?? NONE;
  const raw: string[] = [];
  response.headers.each((name, value, writtenName) => {
    if (isHopByHop(name) || IDS.has(name) || name.startsWith("sallyport-")) return;
    if (options.has(name) && !isIndispensable(name)) return;
    raw.push(writtenName, value);
  });
  raw.push("x-request-id", exchange.ids.requestId, "x-correlation-id", exchange.ids.correlationId);
  return { ...response, headers: HeaderLines.fromRaw(raw) };
}

const NONE: ReadonlySet<string> = new Set();

const IDS: ReadonlySet<string> = new Set(["x-request-id", "x-correlation-id"]);

const RELIED_ON: ReadonlySet<string> = new Set([
  "cache-control",
  "date",
  "etag",
  "expires",
  "location",
  "strict-transport-security",
  "vary",
  "www-authenticate",
]);

const isIndispensable = (name: string): boolean =>
  name.startsWith("content-") || isProtectedHeader("response", name) || RELIED_ON.has(name);
