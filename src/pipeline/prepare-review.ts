import type { Cancel } from "../model/cancel.ts";
import type { RunnableBinding } from "../ports/runnable-plan.ts";
import type { ShownBodies } from "../review/read-field.ts";
import { subjectOf, type Asked } from "./ask-for-verdict.ts";
import type { Ending } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { recordReview } from "./record-review.ts";
import { selects } from "./select-binding.ts";
import { showBodies } from "./show-bodies.ts";
import { wantsBody } from "./wanted-bodies.ts";

/** A binding whose turn has come: nothing to ask, the end, or the question. */
export type Prepared =
  { readonly kind: "pass" } | { readonly kind: "end"; readonly ending: Ending } | ({ readonly kind: "ask" } & Asked);

const PASS: Prepared = { kind: "pass" };

/**
 * Decides whether a binding is asked at all, and with what view (C18, C22): selectors, then its condition, then bodies. A condition that
 * reads a body comes after it; any other before, since a request it does not match is no reason to read or to refuse a body. A promise
 * only where a body has to be had.
 */
export function prepareReview(run: ExchangeRun, binding: RunnableBinding, cancel: Cancel): Prepared | Promise<Prepared> {
  if (!selects(run.exchange, binding)) return PASS;
  if (wantsBody(binding, "request") || wantsBody(binding, "response")) return prepareBodies(run, binding, cancel);
  return holds(run, binding, NO_BODIES) ? { kind: "ask", binding, subject: subjectOf(run, NO_BODIES) } : PASS;
}

async function prepareBodies(run: ExchangeRun, binding: RunnableBinding, cancel: Cancel): Promise<Prepared> {
  const { whenNeedsBody } = binding;
  const isBodyCondition = whenNeedsBody.request || whenNeedsBody.response;
  if (!isBodyCondition && !holds(run, binding, NO_BODIES)) return PASS;
  const shown = await showBodies(run, binding, cancel);
  switch (shown.kind) {
    case "skip":
      recordReview(run, binding, { durationMs: 0, ending: { kind: "unreviewable", reason: shown.reason, skipped: true } });
      return PASS;
    case "refuse":
      recordReview(run, binding, { durationMs: 0, ending: { kind: "unreviewable", reason: shown.reason, skipped: false } });
      return { kind: "end", ending: shown.ending };
    case "end":
      return shown;
    case "shown":
      if (isBodyCondition && !holds(run, binding, shown.bodies)) return PASS;
      return { kind: "ask", binding, subject: subjectOf(run, shown.bodies) };
    default:
      return shown satisfies never;
  }
}

const NO_BODIES: ShownBodies = { request: undefined, response: undefined };

function holds(run: ExchangeRun, binding: RunnableBinding, bodies: ShownBodies): boolean {
  if (binding.when === undefined) return true;
  const match = binding.when(subjectOf(run, bodies));
  if (match === "error") warnCondition(run, binding);
  return match !== "no-match";
}

/** Books a condition that could not be evaluated: it counts as a match, so that it is never a way around a review (C22). */
export function warnCondition(run: ExchangeRun, binding: RunnableBinding): void {
  binding.instruments.whenErrors.add();
  run.deps.log.write("warn", "when_failed", {
    request_id: run.exchange.ids.requestId,
    binding: binding.name,
    phase: binding.plan.phase,
  });
}
