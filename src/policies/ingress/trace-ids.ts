import type { TraceIds } from "../../model/exchange.ts";
import type { HeaderLines } from "../../model/header-lines.ts";
import type { Ids } from "../../ports/ids.ts";
import { isTraceState } from "./trace-state.ts";

/** What an exchange is called, and whether the client's trace goes on in it with what vendors noted of it. */
export interface AdoptedIds {
  readonly adopted: TraceIds;
  /** `false`: a new trace began here, and the client's `tracestate` belongs to none; or there is none that can be read. */
  readonly keepsTracestate: boolean;
}

/**
 * The ids of an exchange. `x-request-id` is adopted where the client sent exactly one that is 1 to 128 visible ASCII characters
 * without comma, else a new one is made; `x-correlation-id` likewise, else it is the request id. A valid `traceparent`
 * (W3C Trace Context level 1) continues its trace under a new span id, keeping the sampled flag; anything else begins a new
 * trace, sampled, so that upstreams which follow their caller's choice still record.
 */
export function traceIds(headers: HeaderLines, ids: Ids): AdoptedIds {
  const requestId = onlyId(headers, "x-request-id") ?? ids.requestId();
  const correlationId = onlyId(headers, "x-correlation-id") ?? requestId;
  const parent = parseTraceparent(headers.lines("traceparent"));
  const traceId = parent?.traceId ?? ids.traceId();
  const traceparent = `00-${traceId}-${ids.spanId()}-${parent?.sampled === false ? "00" : "01"}`;
  return {
    adopted: { requestId, correlationId, traceId, traceparent },
    keepsTracestate: parent !== undefined && isTraceState(headers.lines("tracestate")),
  };
}

function onlyId(headers: HeaderLines, name: string): string | undefined {
  const value = headers.first(name);
  if (value === undefined || !ID.test(value)) return undefined;
  return headers.lines(name).length === 1 ? value : undefined;
}

const ID = /^[\x21-\x2b\x2d-\x7e]{1,128}$/;

// a later version may add fields behind the flags, version 00 may not; ff is no version
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/;

function parseTraceparent(lines: readonly string[]): { readonly traceId: string; readonly sampled: boolean } | undefined {
  const match = lines.length === 1 ? TRACEPARENT.exec(lines[0] ?? "") : null;
  if (match === null) return undefined;
  const [, version, traceId = "", flags = "", more] = match;
  if (version === "00" && more !== undefined) return undefined;
  return { traceId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
