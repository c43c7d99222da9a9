import type { Cancel } from "../model/cancel.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import { failureAnswer } from "../review/failure-answer.ts";
import { askForVerdict, type Asked } from "./ask-for-verdict.ts";
import { consequenceOf, type Consequence } from "./consequence.ts";
import { failed } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { recordReview, verdictEnding } from "./record-review.ts";
import { termOf } from "./term-of.ts";

/** What came of asking one binding. */
export type Reviewed =
  | Consequence
  /** It failed open: the exchange is as it was before (C19). */
  | { readonly kind: "pass" }
  /** Nobody waits for it any more: an earlier deny (C4), or the client left (C7). */
  | { readonly kind: "abandoned" };

/** Asks one binding and books what came of it. The exchange is not changed here. */
export async function reviewBinding(run: ExchangeRun, asked: Asked, cancel: Cancel): Promise<Reviewed> {
  const { binding } = asked;
  const startedMs = run.deps.clock.nowMs();
  const answer = await askForVerdict(run, asked, cancel);
  const durationMs = run.deps.clock.nowMs() - startedMs;
  if (answer === undefined) {
    recordReview(run, binding, { durationMs, ending: { kind: "cancelled" } });
    return { kind: "abandoned" };
  }
  if (!answer.ok) return afterFailure(run, asked, { failure: answer.error, durationMs });
  const consequence = consequenceOf(run, asked, answer.value);
  if (!consequence.ok) return afterFailure(run, asked, { failure: consequence.error, durationMs });
  recordReview(run, binding, { durationMs, ending: verdictEnding(answer.value) });
  const term = termOf(binding, answer.value, startedMs + durationMs);
  if (term !== undefined) (run.terms ??= new Map()).set(binding.name, term);
  return consequence.value;
}

/** What a failure means under the binding's policy: the end, or that the exchange passes as it was. */
function afterFailure(
  run: ExchangeRun,
  { binding }: Asked,
  { failure, durationMs }: { readonly failure: ReviewFailure; readonly durationMs: number },
): Reviewed {
  const { failurePolicy, phase } = binding.plan;
  recordReview(run, binding, { durationMs, ending: { kind: "failure", failure, policy: failurePolicy } });
  if (failurePolicy === "fail-closed") return { kind: "end", ending: failed(binding.name, failureAnswer(failure, phase)) };
  binding.instruments.failOpen.add();
  return { kind: "pass" };
}
