import type { RunnableBinding } from "../ports/runnable-plan.ts";
import { grantMs, positionsOf, scaleOf, type Position, type TimedBinding } from "../review/budget.ts";

/** What a position may spend: the review budget of one exchange while it runs (C20). Owned by one exchange. */
export class BudgetLedger {
  #budgetMs = 0;
  #spentMs = 0;
  #scale = 1;
  /** Positions not yet begun or ruled out, in execution order. */
  #pending: readonly Position<TimedRunnable>[] = [];

  /** Takes the positions that lie ahead; again after a re-route, when what was spent stays spent. */
  plan(bindings: readonly RunnableBinding[], budgetMs: number, hasRun: (binding: RunnableBinding) => boolean): void {
    const positions = positionsOf(bindings.map(timed));
    this.#budgetMs = budgetMs;
    this.#scale = scaleOf(budgetMs, positions);
    this.#pending = positions.filter(({ bindings }) => !bindings.every(({ runnable }) => hasRun(runnable)));
  }

  /** The position of these bindings begins, or is over before it did: it no longer holds a reserve. */
  begin(bindings: readonly RunnableBinding[]): void {
    this.#pending = this.#pending.filter((position) => !position.bindings.some(({ runnable }) => bindings.includes(runnable)));
  }

  /** Positions of which no binding can run any more give their reserve to the others. */
  ruleOut(cannotRun: (binding: RunnableBinding) => boolean): void {
    this.#pending = this.#pending.filter(({ bindings }) => !bindings.every(({ runnable }) => cannotRun(runnable)));
  }

  /** What one review of the position that has begun may take, milliseconds; may be negative. */
  grantFor(binding: RunnableBinding): number {
    const reservedMs = this.#pending.reduce((sum, { needMs }) => sum + this.#scale * needMs, 0);
    return grantMs(binding.plan.limits.timeoutMs, this.#budgetMs - this.#spentMs, reservedMs);
  }

  /** Books what a position waited. */
  spend(elapsedMs: number): void {
    this.#spentMs += elapsedMs;
  }

  /** All waiting so far, milliseconds. */
  get spentMs(): number {
    return this.#spentMs;
  }
}

type TimedRunnable = TimedBinding & { readonly runnable: RunnableBinding };

function timed(runnable: RunnableBinding): TimedRunnable {
  const { phase, mode, failurePolicy, limits } = runnable.plan;
  return { phase, mode, failurePolicy, limits, runnable };
}
