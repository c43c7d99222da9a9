import { ERROR_FORMATS, type ErrorFormat, type ErrorRenderer, type ProblemFacts } from "./error-format.ts";
import type { Response } from "./exchange.ts";
import { HeaderLines } from "./header-lines.ts";
import { PROBLEMS, type Refusal } from "./problem.ts";

/** Seconds a client is asked to wait where a problem is worth repeating and nobody knows better. */
const RETRY_AFTER_SECONDS = "1";

/** What of the exchange a problem body tells. */
export interface ProblemOccasion {
  readonly requestId: string;
  /** Without one of its own an exchange goes by its request id. */
  readonly correlationId?: string;
  /** Path of the request, without query; stands as `instance`. Without it an URN of the request id does. */
  readonly instancePath?: string;
}

/**
 * The answer a refusal becomes, in the form the route's clients expect: by default `application/problem+json` (RFC 9457) with `type`,
 * `title`, `status`, `detail`, `instance` and the members `code`, `retryable`, `request_id` and, for a denial that carries one,
 * `body` (C9). A protocol with errors of its own gives its renderer. Never cached. A row answered 503 says when to come back (`retry-after`), 401 how to authenticate, unless the refusal's
 * own headers do.
 */
export function renderProblem(
  refusal: Refusal,
  occasion: ProblemOccasion,
  format: ErrorFormat | ErrorRenderer = "problem",
): Response {
  const row = PROBLEMS[refusal.problem];
  const status = refusal.status ?? row.status;
  const renderer: ErrorRenderer = typeof format === "string" ? ERROR_FORMATS[format] : format;
  const facts = {
    type: `urn:sallyport:problem:${refusal.problem}`,
    title: row.title,
    status,
    detail: refusal.detail,
    instance: occasion.instancePath ?? `urn:sallyport:request:${encodeURIComponent(occasion.requestId)}`,
    code: refusal.code ?? refusal.problem,
    retryable: refusal.retryable ?? row.retryable,
    requestId: occasion.requestId,
  };
  const body = new TextEncoder().encode(renderer.render(facts, refusal.bodyJson));
  return { status, headers: problemHeaders(refusal, occasion, { facts, renderer }), body };
}

function problemHeaders(
  refusal: Refusal,
  occasion: ProblemOccasion,
  { facts: { status, retryable }, renderer }: { readonly facts: ProblemFacts; readonly renderer: ErrorRenderer },
): HeaderLines {
  const own = refusal.headers ?? [];
  const says = (name: string): boolean => own.some(([written]) => written.toLowerCase() === name);
  const lines: (readonly [string, string])[] = [
    ["content-type", renderer.contentType],
    // a 404 or 405 may otherwise be cached by whoever stands in between (RFC 9110 section 15.1)
    ["cache-control", "no-store"],
    ["x-request-id", occasion.requestId],
    ["x-correlation-id", occasion.correlationId ?? occasion.requestId],
  ];
  if (status === 503 && PROBLEMS[refusal.problem].status === 503 && !says("retry-after"))
    lines.push(["retry-after", RETRY_AFTER_SECONDS]);
  const { retryHeader } = renderer;
  if (retryHeader !== undefined && !says(retryHeader)) lines.push([retryHeader, String(retryable)]);
  if (status === 401 && !says("www-authenticate")) lines.push(["www-authenticate", "Bearer"]);
  return HeaderLines.of(...lines, ...own);
}
