import type { Cancel } from "../model/cancel.ts";
import type { RunnableBinding } from "../ports/runnable-plan.ts";
import { CLIENT_GONE, type Ending, type StageEnd } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { prepareReview } from "./prepare-review.ts";
import { reviewBinding } from "./review-binding.ts";

/** Runs mutators in order until one ends the exchange. */
export async function runMutators(run: ExchangeRun, bindings: readonly RunnableBinding[], cancel: Cancel): Promise<StageEnd> {
  for (const binding of bindings) {
    if (cancel.aborted) return CLIENT_GONE;
    run.shadows?.mutators(binding.plan.phase, binding);
    const ending = await runMutator(run, binding, cancel);
    if (ending !== undefined) return ending;
  }
  return undefined;
}

async function runMutator(run: ExchangeRun, binding: RunnableBinding, cancel: Cancel): Promise<StageEnd> {
  run.markRun(binding);
  run.budget.begin([binding]);
  const preparing = prepareReview(run, binding, cancel);
  const prepared = preparing instanceof Promise ? await preparing : preparing;
  if (prepared.kind === "pass") return undefined;
  if (prepared.kind === "end") return prepared.ending;
  const startedMs = run.deps.clock.nowMs();
  const reviewed = await reviewBinding(run, prepared, cancel);
  run.budget.spend(run.deps.clock.nowMs() - startedMs);
  switch (reviewed.kind) {
    case "abandoned":
      return CLIENT_GONE;
    case "pass":
      return undefined;
    case "end":
      return inPlaceOfForward(run, binding, reviewed.ending);
    case "go-on":
      // the candidate becomes what the next binding sees
      run.exchange = reviewed.exchange;
      if (reviewed.moved) run.moved = true;
      return undefined;
    default:
      return reviewed satisfies never;
  }
}

/** A `respond` at pre-route waits in the place of forward, so that the rest of the checks still run (C12). */
function inPlaceOfForward(run: ExchangeRun, binding: RunnableBinding, ending: Ending): StageEnd {
  if (ending.kind !== "responded" || binding.plan.phase !== "pre-route") return ending;
  run.responded = { response: ending.response, by: ending.by };
  return undefined;
}
