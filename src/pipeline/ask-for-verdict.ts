import type { Cancel } from "../model/cancel.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import type { ReviewedVerdict, ReviewSubject } from "../ports/review-client.ts";
import type { RunnableBinding } from "../ports/runnable-plan.ts";
import { invalid } from "../review/apply-verdict.ts";
import { isCutByBudget, MIN_GRANT_MS } from "../review/budget.ts";
import { exposedValues, repeatsExposed, withoutExposed } from "../review/exposed-values.ts";
import type { ShownBodies } from "../review/read-field.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { unlessCancelled } from "./unless-cancelled.ts";

/** One binding and what it is told. */
export interface Asked {
  readonly binding: RunnableBinding;
  readonly subject: ReviewSubject;
}

/**
 * Asks for one verdict within what the budget grants; a grant too short to be worth a call is a timeout (C20, C21).
 * Undefined once the review is cancelled: neither verdict nor failure (C4, C7).
 */
export async function askForVerdict(
  run: ExchangeRun,
  { binding, subject }: Asked,
  cancel: Cancel,
): Promise<Result<ReviewedVerdict, ReviewFailure> | undefined> {
  const { timeoutMs } = binding.plan.limits;
  const grant = run.budget.grantFor(binding);
  if (grant < MIN_GRANT_MS) return spent(`the review budget left ${binding.name} less than ${MIN_GRANT_MS} ms`);
  const answer = await unlessCancelled(
    binding.review(subject, { reviewId: reviewIdOf(run, binding), grantMs: grant, cancel }),
    cancel,
  );
  if (answer === undefined || cancel.aborted) return undefined;
  binding.instruments.cache?.(answer.ok ? (answer.value.cached ?? "miss") : "miss").add();
  if (answer.ok) return screened(binding, subject, answer.value);
  const { kind, message } = answer.error;
  if (kind !== "timeout" || !isCutByBudget(grant, timeoutMs)) return answer;
  return spent(`the review budget cut ${binding.name} to ${Math.floor(grant)} ms: ${message}`);
}

const spent = (message: string): Result<never, ReviewFailure> => err({ kind: "timeout", reason: "budget_exhausted", message });

/**
 * Unique per (exchange, phase, binding), so that a service can recognise a repeat (C6). Made of the gateway's own span id, never of the
 * request id: that one a client may choose, and a service that counts by it could be made to count two requests as one.
 */
export function reviewIdOf(run: ExchangeRun, binding: RunnableBinding): string {
  const { traceparent } = run.exchange.ids;
  // of `00-<32>-<16>-<2>`, as ingress made it
  const spanId = traceparent.slice(36, 52);
  return `${spanId}:${binding.plan.phase}:${binding.name}${run.again}`;
}

/** What an interceptor is told about: the exchange as patched so far, with bodies as shown. */
export function subjectOf(run: ExchangeRun, bodies: ShownBodies): ReviewSubject {
  const { name, labels } = run.route.plan;
  return {
    exchange: run.exchange,
    route: { name, labels },
    requestBody: bodies.request,
    responseBody: bodies.response,
    outcome: undefined,
  };
}

/** A verdict without exposed values, which may be read, never passed on (C23); `invalid` where one is part of what it lets through. */
export function screened(
  binding: RunnableBinding,
  subject: ReviewSubject,
  verdict: ReviewedVerdict,
): Result<ReviewedVerdict, ReviewFailure> {
  if (binding.plan.expose.length === 0) return ok(verdict);
  const values = exposedValues(binding.plan.expose, subject.exchange);
  if (verdict.kind !== "deny") {
    return repeatsExposed(verdict, values)
      ? invalid("contract", `${binding.name} repeated a value it may only read`)
      : ok(verdict);
  }
  const kept = withoutExposed(verdict, values);
  if (kept.dropped > 0) binding.instruments.verdictDefects.add(kept.dropped);
  return ok(kept.verdict);
}
