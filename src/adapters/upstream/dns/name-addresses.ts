import { isIPv6, type LookupFunction } from "node:net";
import type { Clock } from "../../../ports/clock.ts";

/** Addresses of a name, in the order they came. Rejects where there are none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** How a name is followed. */
export interface NameTerms {
  readonly host: string;
  /** Pause between two answers being asked for, a tenth more or less, milliseconds. */
  readonly refreshMs: number;
  /** Time for one answer. */
  readonly timeoutMs: number;
}

/** Who hears what becomes of it, once for each change. */
export interface NameListeners {
  onChanged(addresses: readonly string[], before: readonly string[]): void;
  /** The last good answer stays in use, if there was one. */
  onFailed(reason: string): void;
  onRecovered(): void;
}

interface NameDeps {
  readonly clock: Clock;
  readonly resolve: Resolve;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** Of more addresses the first are used. */
const MAX_ADDRESSES = 64;

/** Pause after a failure while nothing is known yet; doubled up to the usual one. */
const FIRST_PAUSE_MS = 250;

const JITTER = 0.1;

/**
 * Follows the addresses of a name: they are asked for again and again, and a failure keeps the last good answer. One question at a
 * time is under way; connections are spread over all addresses in turn, and each may fall back to the next.
 */
export class NameAddresses {
  readonly #terms: NameTerms;
  readonly #deps: NameDeps;
  readonly #listeners: NameListeners;
  #known: readonly string[] = [];
  #turn = 0;
  #isFailing = false;
  #failures = 0;
  #lastFailure: Error | undefined;
  #isClosed = false;
  /** Of the next question, or of the deadline of the one under way. */
  #stopTimer = (): void => {};
  /** Connections that wait for the first answer, no longer than it may take. */
  #waiting: ((failure: Error | undefined) => void)[] = [];

  constructor(terms: NameTerms, deps: NameDeps, listeners: NameListeners) {
    this.#terms = terms;
    this.#deps = deps;
    this.#listeners = listeners;
    this.#ask();
  }

  /** Whether connections to this address are still wanted; all are while nothing is known. */
  has(address: string): boolean {
    return this.#known.length === 0 || this.#known.includes(address);
  }

  /** For `net.connect`: the addresses known, beginning with another one each time; waits for the first answer. */
  readonly lookup: LookupFunction = (_host, { all }, give) => {
    const answer = (failure: Error | undefined): void => {
      const addresses = this.#inTurn().map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
      const [first] = addresses;
      if (first === undefined) return give(failure ?? new Error("the name has no address"), "");
      if (all === true) give(null, addresses);
      else give(null, first.address, first.family);
    };
    const isAnswered = this.#known.length > 0 || this.#lastFailure !== undefined;
    if (isAnswered || this.#isClosed) queueMicrotask(() => answer(this.#lastFailure));
    else this.#waiting.push(answer);
  };

  close(): void {
    this.#isClosed = true;
    this.#stopTimer();
    this.#tell(new Error("the upstream is being closed"));
  }

  #inTurn(): readonly string[] {
    const at = this.#turn % Math.max(1, this.#known.length);
    this.#turn += 1;
    return [...this.#known.slice(at), ...this.#known.slice(0, at)];
  }

  /** Asks once; an answer that comes after its time is not looked at, and until it came no other is asked for. */
  #ask(): void {
    const { host, timeoutMs } = this.#terms;
    let isLate = false;
    this.#stopTimer = this.#deps.clock.after(timeoutMs, () => {
      isLate = true;
      this.#fail(new Error(`${host} was not resolved within ${timeoutMs} ms`));
    });
    const end = (take: () => void): void => {
      this.#stopTimer();
      if (this.#isClosed) return;
      if (!isLate) take();
      this.#askLater();
    };
    this.#deps.resolve(host).then(
      (addresses) => end(() => this.#take(addresses.slice(0, MAX_ADDRESSES))),
      (failure: unknown) => end(() => this.#fail(failure instanceof Error ? failure : new Error("not resolved"))),
    );
  }

  #askLater(): void {
    const { refreshMs } = this.#terms;
    const usualMs = refreshMs * (1 + JITTER * (2 * this.#deps.random() - 1));
    const soonMs = FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 16);
    this.#stopTimer = this.#deps.clock.after(this.#known.length === 0 ? Math.min(soonMs, usualMs) : usualMs, () => this.#ask());
  }

  #take(addresses: readonly string[]): void {
    if (addresses.length === 0) return this.#fail(new Error("the name has no address"));
    const before = this.#known;
    this.#known = addresses;
    this.#lastFailure = undefined;
    this.#failures = 0;
    this.#tell(undefined);
    if (this.#isFailing) this.#listeners.onRecovered();
    this.#isFailing = false;
    // the first answer is no news, nor is another order
    if (before.length > 0 && new Set(before).symmetricDifference(new Set(addresses)).size > 0)
      this.#listeners.onChanged(addresses, before);
  }

  #fail(failure: Error): void {
    this.#failures += 1;
    this.#lastFailure = failure;
    this.#tell(failure);
    if (!this.#isFailing) this.#listeners.onFailed(failure.message);
    this.#isFailing = true;
  }

  #tell(failure: Error | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) each(failure);
  }
}
