import type { Manifest } from "../model/manifest.ts";
import type { Clock } from "../ports/clock.ts";
import { describeOne } from "./describe-all.ts";
import type { Built } from "./built.ts";

/** First and longest pause between two attempts at an interceptor that does not answer, milliseconds. */
const PAUSE_MS = { first: 100, most: 500 } as const;

/** What of a generation the loop is about. */
export type DescribeLoopSubject = Pick<Built, "loaded" | "clients" | "undescribed">;

/** What a loop needs from outside. */
export interface DescribeLoopDeps {
  readonly clock: Clock;
  /** An interceptor answered, having been missing or having reconnected. */
  readonly onAnswer: (interceptor: string, manifest: Manifest) => void;
}

/**
 * Asks the interceptors of one generation that have not answered until they do, each at its own pace, so that a hung one delays
 * nobody; and asks again whoever reconnects (C30). Lasts until stopped; what arrives later is nobody's business.
 */
export class DescribeLoop {
  readonly #built: DescribeLoopSubject;
  readonly #deps: DescribeLoopDeps;
  readonly #forget: (() => void)[] = [];
  readonly #timers = new Map<string, () => void>();
  readonly #answered = new Set<string>();
  #stopped = false;

  constructor(built: DescribeLoopSubject, deps: DescribeLoopDeps) {
    this.#built = built;
    this.#deps = deps;
    for (const [name, client] of built.clients) this.#forget.push(client.onDescribeAgain(() => void this.#ask(name, undefined)));
    for (const name of built.undescribed.keys()) this.#askLater(name, PAUSE_MS.first);
  }

  stop(): void {
    this.#stopped = true;
    for (const forget of [...this.#forget, ...this.#timers.values()]) forget();
  }

  #askLater(name: string, pauseMs: number): void {
    const cancel = this.#deps.clock.after(pauseMs, () => void this.#ask(name, Math.min(pauseMs * 2, PAUSE_MS.most)));
    this.#timers.set(name, cancel);
  }

  /** Asks once; where `nextPauseMs` says so, again after a failure. */
  async #ask(name: string, nextPauseMs: number | undefined): Promise<void> {
    const { clients, loaded } = this.#built;
    const interceptor = loaded.config.interceptors.find((entry) => entry.name === name);
    const client = clients.get(name);
    if (interceptor === undefined || client === undefined) return;
    const answer = await describeOne(interceptor, client);
    if (this.#stopped) return;
    if (!answer.ok) {
      if (nextPauseMs !== undefined && !this.#answered.has(name)) this.#askLater(name, nextPauseMs);
      return;
    }
    // one that answered, however it came to be asked, is not asked on
    this.#answered.add(name);
    this.#timers.get(name)?.();
    this.#deps.onAnswer(name, answer.value);
  }
}
