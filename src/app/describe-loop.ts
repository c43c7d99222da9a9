import type { Manifest } from "../model/manifest.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import type { Clock } from "../ports/clock.ts";
import { describeOne, type Described } from "./describe-all.ts";
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
  /** It answered what cannot be taken: not the manifest that is pinned, or none at all. */
  readonly onRefused: (interceptor: string, failure: ReviewFailure) => void;
}

/**
 * Asks the interceptors of one generation that have not answered until they do, each at its own pace, so that a hung one delays
 * nobody; and asks again whoever reconnects or says that his manifest changed (C30). Nobody is asked twice at once: an old answer
 * must not overtake a new one. Lasts until stopped; what arrives later is nobody's business.
 */
export class DescribeLoop {
  readonly #built: DescribeLoopSubject;
  readonly #deps: DescribeLoopDeps;
  readonly #forget: (() => void)[] = [];
  readonly #timers = new Map<string, () => void>();
  readonly #answered = new Set<string>();
  /** Who is being asked, and whether there is reason to ask once more. */
  readonly #asking = new Map<string, { again: boolean }>();
  #stopped = false;

  constructor(built: DescribeLoopSubject, deps: DescribeLoopDeps) {
    this.#built = built;
    this.#deps = deps;
    for (const [name, client] of built.clients) this.#forget.push(client.onDescribeAgain(() => this.askAgain(name)));
    for (const name of built.undescribed.keys()) this.#askLater(name, PAUSE_MS.first);
  }

  /** Asks an interceptor that has a reason to say something else than before. */
  askAgain(name: string): void {
    void this.#ask(name, undefined);
  }

  /** Returns who was being asked: whoever comes after has to ask them again. */
  stop(): readonly string[] {
    this.#stopped = true;
    for (const forget of [...this.#forget, ...this.#timers.values()]) forget();
    return [...this.#asking.keys()];
  }

  #askLater(name: string, pauseMs: number): void {
    const cancel = this.#deps.clock.after(pauseMs, () => void this.#ask(name, Math.min(pauseMs * 2, PAUSE_MS.most)));
    this.#timers.set(name, cancel);
  }

  /** Asks once, and once more if there was reason to meanwhile; where `nextPauseMs` says so, again after a failure. */
  async #ask(name: string, nextPauseMs: number | undefined): Promise<void> {
    const { clients, loaded } = this.#built;
    const interceptor = loaded.config.interceptors.find((entry) => entry.name === name);
    const client = clients.get(name);
    if (interceptor === undefined || client === undefined || this.#stopped) return;
    const earlier = this.#asking.get(name);
    if (earlier !== undefined) {
      earlier.again = true;
      return;
    }
    const asking = { again: false };
    this.#asking.set(name, asking);
    const answer = await describeOne(interceptor, client);
    this.#asking.delete(name);
    if (this.#stopped) return;
    this.#tell(name, answer, nextPauseMs);
    if (asking.again) this.askAgain(name);
  }

  #tell(name: string, answer: Described, nextPauseMs: number | undefined): void {
    if (!answer.ok) {
      if (answer.error.kind === "invalid") this.#deps.onRefused(name, answer.error);
      if (nextPauseMs !== undefined && !this.#answered.has(name)) this.#askLater(name, nextPauseMs);
      return;
    }
    // one that answered, however it came to be asked, is not asked on
    this.#answered.add(name);
    this.#timers.get(name)?.();
    this.#deps.onAnswer(name, answer.value);
  }
}
