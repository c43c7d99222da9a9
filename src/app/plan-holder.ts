import type { PlanSource, RunnablePlan } from "../ports/runnable-plan.ts";

/** One plan with what must be given back when nobody uses it any more. */
export interface Generation {
  readonly plan: RunnablePlan;
  /** Gives its resources back; called once. Tells of its own troubles: nobody here could do more. */
  readonly retire: () => Promise<void>;
}

/** The plan in force. Exchanges keep the generation they began with; an old one retires with its last exchange. */
export class PlanHolder implements PlanSource {
  #current: Held;
  #inFlight = 0;
  #closed = false;

  constructor(first: Generation) {
    this.#current = new Held(first);
  }

  get current(): RunnablePlan {
    return this.#current.plan;
  }

  /** Plans taken and not yet let go, over all generations. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Throws once the last plan has retired: nobody could be served by it. */
  acquire(): { readonly plan: RunnablePlan; readonly release: () => void } {
    const held = this.#current;
    held.take();
    this.#inFlight += 1;
    let released = false;
    return {
      plan: held.plan,
      release: () => {
        if (released) return;
        released = true;
        this.#inFlight -= 1;
        held.give();
      },
    };
  }

  /** One assignment: the next exchange runs on `next`. After `close` it is given back at once. */
  swap(next: Generation): void {
    const held = new Held(next);
    if (this.#closed) return held.give();
    const old = this.#current;
    this.#current = held;
    old.give();
  }

  /** Retires the plan in force when its last exchange is done; resolves then. Idempotent. */
  close(): Promise<void> {
    if (!this.#closed) this.#current.give();
    this.#closed = true;
    return this.#current.retired;
  }
}

/** Counts who uses a generation; the holder itself is one user. */
class Held {
  readonly plan: RunnablePlan;
  /** Settles with the retirement, however that went. */
  readonly retired: Promise<void>;
  readonly #retire: () => void;
  #users = 1;

  constructor(generation: Generation) {
    this.plan = generation.plan;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.retired = promise;
    this.#retire = () => void generation.retire().then(resolve, () => resolve());
  }

  take(): void {
    if (this.#users === 0) throw new Error("the plan has retired");
    this.#users += 1;
  }

  give(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#retire();
  }
}
