import type { Phase } from "@sallyport/contract/phase.ts";
import type { Cancel } from "../model/cancel.ts";
import { catchUp } from "./catch-up.ts";
import type { StageEnd } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { runMutators } from "./run-mutators.ts";
import { runValidators } from "./run-validators.ts";

/**
 * One review phase (RFC.md §2): mutators one after the other, each on what the one before left; a catch-up round if one of them moved
 * the request (C2); then all validators at once, on the settled request (C4). Observers come after the exchange and get what is settled here.
 */
export async function reviewPhase(run: ExchangeRun, phase: Phase, cancel: Cancel): Promise<StageEnd> {
  run.beginPhase(phase);
  const mutators = run.due(phase, "mutate");
  const ending =
    (mutators.length > 0 ? await runMutators(run, mutators, cancel) : undefined) ??
    (run.moved ? await catchUp(run, phase, cancel) : undefined) ??
    run.shadows?.turns(phase) ??
    (await validate(run, phase, cancel));
  run.endPhase(phase, ending);
  return ending;
}

// asked for only now: a catch-up round may have brought others
function validate(run: ExchangeRun, phase: Phase, cancel: Cancel): Promise<StageEnd> | undefined {
  const validators = run.due(phase, "validate");
  return validators.length > 0 ? runValidators(run, validators, cancel) : undefined;
}
