import { PHASES, type Phase } from "@sallyport/contract/phase.ts";
import type { Cancel } from "../model/cancel.ts";
import { ANONYMOUS } from "../model/principal.ts";
import type { RunnableRoute } from "../ports/runnable-plan.ts";
import { authenticate } from "./authenticate.ts";
import type { StageEnd } from "./ending.ts";
import { enterRoute } from "./enter-route.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { runMutators } from "./run-mutators.ts";
import { runValidators } from "./run-validators.ts";

/**
 * A granted patch moved the request: it is matched again, and what the new place asks for and has not happened yet happens now (C2).
 * The new route's authenticators read the client's own credential and replace the principal; bindings of this and earlier phases that
 * have not run do. A verdict of this round that moves the request again is invalid.
 */
export async function catchUp(run: ExchangeRun, phase: Phase, cancel: Cancel): Promise<StageEnd> {
  const before = run.route;
  const lost = enterRoute(run);
  if (lost !== undefined) return lost;
  run.catchingUp = true;
  const ending = await makeGood(run, before, { phase, cancel });
  run.catchingUp = false;
  return ending;
}

/** The phase that is under way, and who waits for it. */
interface Turn {
  readonly phase: Phase;
  readonly cancel: Cancel;
}

async function makeGood(run: ExchangeRun, before: RunnableRoute, turn: Turn): Promise<StageEnd> {
  // at pre-auth nobody was asked yet: the authenticators' own turn comes
  if (turn.phase !== "pre-auth" && !isSameList(before.plan.authenticate, run.route.plan.authenticate)) {
    run.exchange = { ...run.exchange, principal: ANONYMOUS };
    const refusal = await authenticate(run, turn.cancel);
    if (refusal !== undefined) return refusal;
  }
  for (const earlier of phasesBefore(turn.phase)) {
    const ending = await runLate(run, earlier, turn.cancel);
    if (ending !== undefined) return ending;
  }
  return runMutators(run, run.due(turn.phase, "mutate"), turn.cancel);
}

const isSameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, index) => name === b[index]);

function phasesBefore(phase: Phase): readonly Phase[] {
  const phases = Object.keys(PHASES) as Phase[]; // keys of a const table are exactly its row names
  return phases.slice(0, phases.indexOf(phase));
}

/** A phase the request went through elsewhere, for the bindings it missed. */
async function runLate(run: ExchangeRun, phase: Phase, cancel: Cancel): Promise<StageEnd> {
  if (!run.isReviewedAt(phase) && run.shadows === undefined) return undefined;
  const { principal } = run.exchange;
  // a late pre-auth binding sees no principal, as it would have in its time (C2)
  const isBlind = phase === "pre-auth";
  if (isBlind) run.exchange = { ...run.exchange, principal: ANONYMOUS };
  const ending =
    (await runMutators(run, run.due(phase, "mutate"), cancel)) ??
    run.shadows?.turns(phase) ??
    (await runValidators(run, run.due(phase, "validate"), cancel));
  if (run.isReviewedAt(phase) && run.settledAt(phase) === undefined) run.settle(phase);
  if (isBlind) run.exchange = { ...run.exchange, principal };
  return ending;
}
