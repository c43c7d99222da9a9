import type { Phase } from "@sallyport/contract/phase.ts";
import { isStream } from "../model/byte-stream.ts";
import type { Exchange } from "../model/exchange.ts";
import type { Observation } from "../ports/observers.ts";
import type { RunnableBinding, RunnablePlan, RunnableRoute } from "../ports/runnable-plan.ts";
import { reviewIdOf } from "./ask-for-verdict.ts";
import { BodySource } from "./body-source.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { judgeShadow } from "./judge-shadow.ts";
import { warnCondition } from "./prepare-review.ts";
import { selects } from "./select-binding.ts";
import type { ShadowTurns } from "./shadow-turns.ts";
import { viewSubject, withoutValues } from "./view-subject.ts";
import { wantsBody, type Side } from "./wanted-bodies.ts";

/** What a shadow binding would have been shown: the exchange as it stood at its turn. */
interface Snapshot {
  readonly binding: RunnableBinding;
  readonly exchange: Exchange;
  readonly route: RunnableRoute;
}

/**
 * The shadow bindings of one exchange (C33). Each takes its turn where it would enforce, on the exchange as the enforcing ones before it
 * left it, and is queued when its view is ready: at once, or when the copies of the bodies it needs are whole, at the latest at the end.
 * Nothing here changes, delays or ends the exchange, and nothing throws.
 */
export class ShadowReviews implements ShadowTurns {
  readonly #run: ExchangeRun;
  /** Views of its own, in room for copies: what enforcing bindings are shown is made and forgotten without it. */
  readonly #bodies: BodySource;
  readonly #hadTurn = new Set<RunnableBinding>();
  /** Snapshots whose bodies are still on their way. */
  #waiting: readonly Snapshot[] = [];
  /** Views being made. */
  readonly #underWay = new Set<Promise<void>>();
  #matched: readonly RunnableBinding[] = [];

  constructor(run: ExchangeRun) {
    this.#run = run;
    this.#bodies = new BodySource(run.room.forCopies);
  }

  get matched(): readonly RunnableBinding[] {
    return this.#matched;
  }

  enter(bindings: readonly RunnableBinding[], phase: Phase | undefined): void {
    const kept = this.#matched.filter(
      (binding) => binding.plan.mode === "validate" && binding.plan.phase === phase && !bindings.includes(binding),
    );
    this.#matched = [...bindings, ...kept];
  }

  mutators(phase: Phase, before?: RunnableBinding): void {
    const end = before?.rank ?? Infinity;
    this.#take((binding) => isOf(binding, phase, "mutate") && binding.rank < end);
  }

  turns(phase: Phase): undefined {
    this.mutators(phase);
    this.#take((binding) => isOf(binding, phase, "validate"));
  }

  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((snapshot) => this.#isIncomplete(snapshot));
    for (const snapshot of waiting) if (!this.#waiting.includes(snapshot)) this.#ask(snapshot);
  }

  async finish(): Promise<void> {
    for (const snapshot of this.#waiting) this.#ask(snapshot);
    this.#waiting = [];
    await Promise.all(this.#underWay);
  }

  #take(isTurnOf: (binding: RunnableBinding) => boolean): void {
    const { exchange, route } = this.#run;
    for (const binding of this.#matched) {
      if (this.#hadTurn.has(binding) || !isTurnOf(binding)) continue;
      this.#hadTurn.add(binding);
      if (!selects(exchange, binding)) continue;
      const snapshot = { binding, exchange, route };
      if (this.#isIncomplete(snapshot)) this.#waiting = [...this.#waiting, snapshot];
      else this.#ask(snapshot);
    }
  }

  #isIncomplete({ binding, exchange }: Snapshot): boolean {
    const lacks = (side: Side): boolean => {
      const body = side === "request" ? exchange.body : exchange.response?.body;
      const copy = this.#run.copies[side];
      return wantsBody(binding, side) && isStream(body) && copy !== undefined && copy.bytes === undefined;
    };
    return lacks("request") || lacks("response");
  }

  #ask(snapshot: Snapshot): void {
    const work = this.#queue(snapshot).catch((thrown: unknown) => {
      // a bug of ours: the exchange knows nothing of it
      const { deps, exchange } = this.#run;
      deps.log.write("error", "shadow_failed", { request_id: exchange.ids.requestId, error: thrown });
    });
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }

  async #queue({ binding, exchange, route }: Snapshot): Promise<void> {
    const run = this.#run;
    const subject = await viewSubject(run, binding, { exchange, route, bodies: this.#bodies, outcome: undefined });
    const match = binding.when?.(subject);
    if (match === "no-match") return;
    if (match === "error") warnCondition(run, binding);
    run.deps.shadows.enqueue({
      binding,
      reviewId: reviewIdOf(run, binding),
      subject: withoutValues(subject),
      judge: judgeOf(run.plan, binding),
      release: run.hold.take(),
    });
  }
}

// made here, so that what waits in a queue holds the plan and not the exchange, whose bodies nobody counts there
const judgeOf =
  (plan: RunnablePlan, binding: RunnableBinding): NonNullable<Observation["judge"]> =>
  (verdict, subject) =>
    judgeShadow(plan, { binding, subject }, verdict);

const isOf = ({ plan }: RunnableBinding, phase: Phase, mode: "mutate" | "validate"): boolean =>
  plan.phase === phase && plan.mode === mode;
