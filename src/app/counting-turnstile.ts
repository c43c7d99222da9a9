import type { OverloadConfig } from "../config/gateway-config.ts";
import type { Entered, ShedReason, Turnstile } from "../ports/turnstile.ts";
import type { Strain } from "./strain.ts";

/** With so few under way it is not requests that press: the machine is busy with something else, or the process starts. Shedding would mend nothing. */
const FEW = 50;

/** How many requests may be under way: in this process, and by each listener, by name. */
export interface TurnstileLimits {
  readonly overload: Pick<OverloadConfig, "maxRequests">;
  readonly listeners: readonly { readonly name: string; readonly limits: { readonly maxRequests: number } }[];
}

/** What a turnstile works with. */
export interface TurnstileDeps {
  readonly strain: Pick<Strain, "admitted" | "reason">;
  /** Hears of each request that is shed. Throws nothing. */
  readonly onShed: (listener: string, reason: ShedReason) => void;
}

/** The requests under way in one process, and who may add to them (R12). Whoever is let in has cost three comparisons and two counters. */
export class CountingTurnstile implements Turnstile {
  readonly #deps: TurnstileDeps;
  readonly #all: Count;
  readonly #byListener = new Map<string, Count>();
  /** Of requests that are hard to take, what was gathered for the next that is let in. */
  #credit = 0;

  constructor(limits: TurnstileLimits, deps: TurnstileDeps) {
    this.#deps = deps;
    this.#all = new Count(limits.overload.maxRequests);
    this.limit(limits);
  }

  /** A reload may change the limits. Who is inside stays. */
  limit({ overload, listeners }: TurnstileLimits): void {
    this.#all.most = overload.maxRequests;
    for (const name of [...this.#byListener.keys()])
      if (!listeners.some((listener) => listener.name === name)) this.#byListener.delete(name);
    for (const { name, limits } of listeners) {
      const known = this.#byListener.get(name);
      if (known === undefined) this.#byListener.set(name, new Count(limits.maxRequests, this.#all));
      else known.most = limits.maxRequests;
    }
  }

  /** Under way at present. */
  get underWay(): number {
    return this.#all.underWay;
  }

  enter(listener: string): Entered | ShedReason {
    const all = this.#all;
    // one that was closed a moment ago: it counts with the whole only
    const count = this.#byListener.get(listener) ?? all;
    const { strain } = this.#deps;
    if (all.underWay >= all.most) return this.#shed(listener, "gateway_full");
    if (count.underWay >= count.most) return this.#shed(listener, "listener_full");
    if (strain.admitted < 1 && all.underWay >= FEW && !this.#isLetIn(strain.admitted)) return this.#shed(listener, strain.reason);
    count.enter();
    return count;
  }

  /** Spreads those that are let in evenly over those that come. */
  #isLetIn(share: number): boolean {
    this.#credit += share;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }

  #shed(listener: string, reason: ShedReason): ShedReason {
    this.#deps.onShed(listener, reason);
    return reason;
  }
}

/** Requests under way, counted in a whole as well. */
class Count implements Entered {
  underWay = 0;
  most: number;
  readonly #whole: Count | undefined;

  constructor(most: number, whole?: Count) {
    this.most = most;
    this.#whole = whole;
  }

  enter(): void {
    this.underWay += 1;
    if (this.#whole !== undefined) this.#whole.underWay += 1;
  }

  leave(): void {
    this.underWay -= 1;
    if (this.#whole !== undefined) this.#whole.underWay -= 1;
  }
}
