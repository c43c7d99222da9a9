import type { Response } from "./exchange.ts";
import { HeaderLines } from "./header-lines.ts";
import { PROBLEMS, type Refusal } from "./problem.ts";

/** Seconds a client is asked to wait where a problem is worth repeating and nobody knows better. */
const RETRY_AFTER_SECONDS = "1";

/** What of the exchange a problem body tells. */
export interface ProblemOccasion {
  readonly requestId: string;
  /** Echoed as a header where known. */
  readonly correlationId?: string;
  /** Path of the request, without query; stands as `instance`. Without it an URN of the request id does. */
  readonly instancePath?: string;
}

/**
 * The answer a refusal becomes: `application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail`, `instance` and
 * the members `code`, `retryable`, `request_id` and, for a denial that carries one, `body` (C9). Never cached. A row answered
 * 503 says when to come back (`retry-after`), 401 how to authenticate, unless the refusal's own headers do.
 */
export function renderProblem(refusal: Refusal, occasion: ProblemOccasion): Response {
  const row = PROBLEMS[refusal.problem];
  const status = refusal.status ?? row.status;
  const members = {
    type: `urn:sallyport:problem:${refusal.problem}`,
    title: row.title,
    status,
    detail: refusal.detail,
    instance: occasion.instancePath ?? `urn:sallyport:request:${encodeURIComponent(occasion.requestId)}`,
    code: refusal.code ?? refusal.problem,
    retryable: refusal.retryable ?? row.retryable,
    request_id: occasion.requestId,
  };
  const text = JSON.stringify(members);
  // the body is JSON already, numbers spelled as its author did: spliced in, never parsed
  const whole = refusal.bodyJson === undefined ? text : `${text.slice(0, -1)},"body":${refusal.bodyJson}}`;
  return { status, headers: problemHeaders(refusal, status, occasion), body: new TextEncoder().encode(whole) };
}

function problemHeaders(refusal: Refusal, status: number, occasion: ProblemOccasion): HeaderLines {
  const own = refusal.headers ?? [];
  const says = (name: string): boolean => own.some(([written]) => written.toLowerCase() === name);
  const lines: (readonly [string, string])[] = [
    ["content-type", "application/problem+json"],
    // a 404 or 405 may otherwise be cached by whoever stands in between (RFC 9110 section 15.1)
    ["cache-control", "no-store"],
    ["x-request-id", occasion.requestId],
  ];
  if (occasion.correlationId !== undefined) lines.push(["x-correlation-id", occasion.correlationId]);
  if (status === 503 && PROBLEMS[refusal.problem].status === 503 && !says("retry-after"))
    lines.push(["retry-after", RETRY_AFTER_SECONDS]);
  if (status === 401 && !says("www-authenticate")) lines.push(["www-authenticate", "Bearer"]);
  return HeaderLines.of(...lines, ...own);
}
