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
  /** Of listeners that are no more, the generation that knew them last, by name. */
  readonly #kept = new Map<string, Held>();
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
  acquire(listener = ""): { readonly plan: RunnablePlan; readonly release: () => void } {
    const held = this.#kept.size === 0 ? this.#current : (this.#kept.get(listener) ?? this.#current);
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

  /** Requests that still come by this listener are served by the plan that is in force now, whatever comes after it, until it is let go. */
  keepFor(listener: string): void {
    if (this.#kept.has(listener)) return;
    this.#current.take();
    this.#kept.set(listener, this.#current);
  }

  /** No request comes by it any more, or it is known again. */
  letGo(listener: string): void {
    this.#kept.get(listener)?.give();
    this.#kept.delete(listener);
  }

  /** Retires the plan in force when its last exchange is done; resolves then. Idempotent. */
  close(): Promise<void> {
    for (const listener of [...this.#kept.keys()]) this.letGo(listener);
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
