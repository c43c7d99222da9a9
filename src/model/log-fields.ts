import type { ExchangeEnding, ExchangeRecord, ReviewRecord } from "./exchange-record.ts";
import type { ProblemSource } from "./problem.ts";

/** Longest text taken over from elsewhere into a field, UTF-16 units: annotations and warnings are shorter by contract (C9), causes need a bound. */
const MAX_TEXT = 1024;

/**
 * The access log line of one exchange: flat snake_case fields with its reviews inside. Only what is named here gets in, so
 * a secret has no way. Times are milliseconds with three decimals; fields without a value are absent.
 */
export function toLogFields(record: ExchangeRecord): Readonly<Record<string, unknown>> {
  const { ending, latency } = record;
  return {
    request_id: record.ids.requestId,
    correlation_id: record.ids.correlationId,
    trace_id: record.ids.traceId,
    revision: record.revision,
    listener: record.listener,
    client_address: record.clientAddress,
    method: record.method,
    host: record.host,
    path: record.path,
    route: present(record.route),
    upstream: present(record.upstream),
    principal_id: present(record.principalId),
    tenant: present(record.tenant),
    labels: record.labels.size === 0 ? undefined : Object.fromEntries(record.labels),
    status: ending.status,
    outcome: ending.kind,
    decided_by: decidedBy(ending),
    code: "code" in ending ? ending.code : undefined,
    source: "source" in ending ? ending.source : undefined,
    cause: causeOf(ending),
    complete: record.complete,
    request_bytes: record.requestBytes,
    response_bytes: record.responseBytes,
    websocket_closed_by: record.webSocket?.by,
    websocket_close_code: record.webSocket?.code,
    review_ms: rounded(latency.reviewMs),
    upstream_ms: rounded(latency.upstreamMs),
    total_ms: rounded(latency.totalMs),
    reviews: record.reviews.length === 0 ? undefined : record.reviews.map(toReviewFields),
  };
}

/** One review inside the line of its exchange, or the fields of a line of its own (`log.reviews`). */
export function toReviewFields(review: ReviewRecord): Readonly<Record<string, unknown>> {
  const { ending } = review;
  const asked = { binding: review.binding, phase: review.phase, mode: review.mode, ms: rounded(review.durationMs) };
  switch (ending.kind) {
    case "verdict":
      return {
        ...asked,
        verdict: ending.verdict,
        cached: ending.cached,
        patches: ending.patches,
        annotations:
          ending.annotations.length === 0
            ? undefined
            : Object.fromEntries(ending.annotations.map(({ name, value }) => [name, value])),
        warnings: present(ending.warnings),
        defects: present(ending.defects),
      };
    case "failure":
      return {
        ...asked,
        failure: ending.failure.kind,
        reason: ending.failure.reason,
        message: bounded(ending.failure.message),
        failure_policy: ending.policy,
      };
    case "unreviewable":
      return { ...asked, unreviewable: ending.skipped ? "skipped" : "refused", reason: bounded(ending.reason) };
    case "cancelled":
      return { ...asked, cancelled: true };
    default:
      return ending satisfies never;
  }
}

/** How loud the line of an exchange is: it follows whose fault the ending was. A client's mistakes and denials are everyday news. */
export function logLevelOf(ending: ExchangeEnding): "info" | "warn" | "error" {
  if (!("source" in ending) || ending.source === "client") return "info";
  return ending.source === "gateway" ? "error" : "warn";
}

/** Whether a review gets a line of its own beside the one of its exchange. */
export function hasOwnLine(review: ReviewRecord, reviews: "none" | "failures" | "all"): boolean {
  if (reviews === "none") return false;
  return reviews === "all" || review.ending.kind === "failure" || review.ending.kind === "unreviewable";
}

/** Who had the last word: `interceptor/binding`, a stage, `upstream`, `gateway` or `client`. */
export function decidedBy(ending: ExchangeEnding): string {
  if (ending.kind === "forwarded") return "upstream";
  return ending.kind === "cancelled" ? "client" : ending.decidedBy;
}

/** What is logged of a trouble's cause; undefined where there is none. */
export function causeOf(trouble: ExchangeEnding | Blame | undefined): string | undefined {
  return trouble !== undefined && "cause" in trouble ? causeText(trouble.cause, trouble.source === "gateway") : undefined;
}

interface Blame {
  readonly source: ProblemSource;
  readonly cause?: unknown;
}

/** A cause for the log: a text, or an Error's message, with its stack only where the gateway itself is at fault. */
function causeText(cause: unknown, withStack: boolean): string | undefined {
  if (cause === undefined) return undefined;
  if (cause instanceof Error)
    return bounded(withStack ? (cause.stack ?? cause.message) : cause.message, withStack ? MAX_TEXT * 4 : MAX_TEXT);
  // an object could hold anything, secrets included
  return typeof cause === "string" ? bounded(cause) : undefined;
}

const present = <T extends string | readonly unknown[]>(value: T): T | undefined => (value.length === 0 ? undefined : value);

const bounded = (text: string, max: number = MAX_TEXT): string => (text.length <= max ? text : `${text.slice(0, max)}…`);

const rounded = (ms: number): number => Math.round(ms * 1000) / 1000;
