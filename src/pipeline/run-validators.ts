import { CancelSource, type Cancel } from "../model/cancel.ts";
import type { ReviewRecord } from "../model/exchange-record.ts";
import type { RunnableBinding } from "../ports/runnable-plan.ts";
import type { Asked } from "./ask-for-verdict.ts";
import { CLIENT_GONE, type StageEnd } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { prepareReview } from "./prepare-review.ts";
import { reviewBinding } from "./review-binding.ts";

/** Runs validators together (C4): a deny cancels those behind it; the first deny in order wins, then the first fail-closed failure. */
export async function runValidators(run: ExchangeRun, bindings: readonly RunnableBinding[], cancel: Cancel): Promise<StageEnd> {
  if (bindings.length === 0) return undefined;
  if (cancel.aborted) return CLIENT_GONE;
  for (const binding of bindings) run.markRun(binding);
  run.budget.begin(bindings);
  const questions: Asked[] = [];
  for (const binding of bindings) {
    const preparing = prepareReview(run, binding, cancel);
    const prepared = preparing instanceof Promise ? await preparing : preparing;
    if (prepared.kind === "end") return prepared.ending;
    if (prepared.kind === "ask") questions.push(prepared);
  }
  if (questions.length === 0) return undefined;
  const startedMs = run.deps.clock.nowMs();
  const firstRecord = run.reviews.length;
  const endings = await askTogether(run, questions, cancel);
  run.budget.spend(run.deps.clock.nowMs() - startedMs);
  // verdicts come as they come; the record tells of them in the order they were asked for
  run.reviews.push(...run.reviews.splice(firstRecord).toSorted(byPlace(questions)));
  if (cancel.aborted) return CLIENT_GONE;
  return endings.find((ending) => ending?.kind === "denied") ?? endings.find((ending) => ending !== undefined);
}

function byPlace(questions: readonly Asked[]): (a: ReviewRecord, b: ReviewRecord) => number {
  const place = new Map(questions.map(({ binding }, index) => [binding.name, index]));
  return (a, b) => (place.get(a.binding) ?? 0) - (place.get(b.binding) ?? 0);
}

async function askTogether(run: ExchangeRun, questions: readonly Asked[], cancel: Cancel): Promise<readonly StageEnd[]> {
  const calls = questions.map((question) => ({ question, ...CancelSource.under(cancel) }));
  const cancelFrom = (index: number): void => {
    for (const { source } of calls.slice(index)) source.abort();
  };
  const ask = async ({ question, source }: (typeof calls)[number], index: number): Promise<StageEnd> => {
    const reviewed = await reviewBinding(run, question, source);
    if (reviewed.kind !== "end") return undefined;
    if (reviewed.ending.kind === "denied") cancelFrom(index + 1);
    return reviewed.ending;
  };
  try {
    return await Promise.all(calls.map(ask));
  } catch (thrown) {
    // a bug of ours ends the exchange: nobody reads the other verdicts
    cancelFrom(0);
    throw thrown;
  } finally {
    for (const { release } of calls) release();
  }
}
