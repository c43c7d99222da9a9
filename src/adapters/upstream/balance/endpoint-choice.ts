import type { UpstreamPlan } from "../../../model/upstream-plan.ts";
import type { Choosable } from "./choosable.ts";
import { HashOrder } from "./hash-order.ts";

/** How requests are spread over the endpoints of an upstream. */
type Balance = UpstreamPlan["balance"];

/** Whether an endpoint may be chosen now. */
export type Usable<E> = (endpoint: E) => boolean;

/** One of those usable; there is at least one. */
type Turn<E> = (usable: Usable<E>, affinity: string | undefined) => E | undefined;

/**
 * Which endpoint is next: the decision alone, without clock and network. Of the usable ones the lowest priority counts, and
 * among those `balance`. Exact: in turn every endpoint gets its share in every cycle, and by hash only the requests of an
 * endpoint that left go elsewhere.
 */
export class EndpointChoice<E extends Choosable> {
  readonly #all: readonly E[];
  readonly #turn: Turn<E>;
  readonly #hasLevels: boolean;

  constructor(all: readonly E[], balance: Balance) {
    this.#all = all;
    this.#turn = TURNS[balance](all);
    this.#hasLevels = all.some(({ priority }) => priority !== all[0]?.priority);
  }

  /** `affinity`: what requests have in common that should meet the same endpoint; only looked at by `hash`. Undefined where none is usable. */
  next(usable: Usable<E>, affinity: string | undefined): E | undefined {
    if (this.#all.length === 1) {
      const [only] = this.#all;
      return only !== undefined && usable(only) ? only : undefined;
    }
    if (!this.#hasLevels) return this.#turn(usable, affinity);
    const level = this.#levelOf(usable);
    return this.#turn((endpoint) => endpoint.priority === level && usable(endpoint), affinity);
  }

  #levelOf(usable: Usable<E>): number {
    let level = Number.POSITIVE_INFINITY;
    for (const endpoint of this.#all) if (endpoint.priority < level && usable(endpoint)) level = endpoint.priority;
    return level;
  }
}

const TURNS: Readonly<Record<Balance, <E extends Choosable>(all: readonly E[]) => Turn<E>>> = {
  "round-robin": inTurn,
  "least-request": leastRequest,
  weighted: byWeight,
  hash: byHash,
};

/** The first usable one behind the one chosen last. */
function inTurn<E>(all: readonly E[]): Turn<E> {
  let last = -1;
  return (usable) => {
    for (let step = 1; step <= all.length; step += 1) {
      const at = (last + step) % all.length;
      const endpoint = all[at];
      if (endpoint === undefined || !usable(endpoint)) continue;
      last = at;
      return endpoint;
    }
    return undefined;
  };
}

/** Fewest requests under way for its weight; in turn where several have as few. */
function leastRequest<E extends Choosable>(all: readonly E[]): Turn<E> {
  let last = -1;
  return (usable) => {
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let step = 1; step <= all.length; step += 1) {
      const at = (last + step) % all.length;
      const endpoint = all[at];
      if (endpoint === undefined || !usable(endpoint)) continue;
      const load = (endpoint.inFlight + 1) / endpoint.weight;
      if (load >= least) continue;
      least = load;
      best = at;
    }
    if (best < 0) return undefined;
    last = best;
    return all[best];
  };
}

/**
 * Smooth turns: each endpoint saves up its weight, the richest is chosen and pays what all saved. Over as many requests as the
 * weights add up to each gets exactly its weight, spread evenly rather than in a row.
 */
function byWeight<E extends Choosable>(all: readonly E[]): Turn<E> {
  const saved = all.map(() => 0);
  return (usable) => {
    let best = -1;
    let total = 0;
    for (const [at, endpoint] of all.entries()) {
      if (!usable(endpoint)) continue;
      total += endpoint.weight;
      saved[at] = (saved[at] ?? 0) + endpoint.weight;
      if (best < 0 || (saved[at] ?? 0) > (saved[best] ?? 0)) best = at;
    }
    if (best < 0) return undefined;
    saved[best] = (saved[best] ?? 0) - total;
    return all[best];
  };
}

/** The same endpoint for the same affinity; in turn for those without. */
function byHash<E extends Choosable>(all: readonly E[]): Turn<E> {
  const order = new HashOrder(all);
  const turn = inTurn(all);
  return (usable, affinity) => (affinity === undefined ? turn(usable, undefined) : order.first(affinity, usable));
}
