import type { Manifest } from "../model/manifest.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import type { Clock } from "../ports/clock.ts";
import { describeOne, type Described } from "./describe-all.ts";
import type { Built } from "./built.ts";

/** First and longest pause between two attempts at an interceptor that does not answer, milliseconds: where nothing is known of it, and where it may have changed. */
const PAUSE_MS = { missing: { first: 100, most: 500 }, known: { first: 1_000, most: 30_000 } } as const;

/** What of a generation the loop is about. */
export interface DescribeLoopSubject extends Pick<Built, "clients" | "undescribed"> {
  readonly loaded: Pick<Built["loaded"], "config">;
}

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
 * nobody; and asks again whoever reconnects or says that his manifest changed (C30), until he answers, or the change would be lost.
 * Nobody is asked twice at once: an old answer must not overtake a new one. Lasts until stopped; what arrives later is nobody's business.
 */
export class DescribeLoop {
  readonly #built: DescribeLoopSubject;
  readonly #deps: DescribeLoopDeps;
  readonly #forget: (() => void)[] = [];
  readonly #timers = new Map<string, () => void>();
  /** The last pause of who did not answer when he was asked. */
  readonly #pausesMs = new Map<string, number>();
  /** Did not answer as they should when the generation was built, and did not since. */
  readonly #missing: Set<string>;
  /** Who is being asked, and whether there is reason to ask once more. */
  readonly #asking = new Map<string, { again: boolean }>();
  #stopped = false;

  constructor(built: DescribeLoopSubject, deps: DescribeLoopDeps) {
    this.#built = built;
    this.#deps = deps;
    this.#missing = new Set(built.undescribed.keys());
    for (const [name, client] of built.clients) this.#forget.push(client.onDescribeAgain(() => this.askAgain(name)));
    for (const name of this.#missing) this.#askLater(name);
  }

  /** Asks an interceptor that has a reason to say something else than before. */
  askAgain(name: string): void {
    this.#pausesMs.delete(name);
    void this.#ask(name);
  }

  /** Returns who was being asked: whoever comes after has to ask them again. */
  stop(): readonly string[] {
    this.#stopped = true;
    for (const forget of [...this.#forget, ...this.#timers.values()]) forget();
    return [...this.#asking.keys(), ...this.#pausesMs.keys()];
  }

  #askLater(name: string): void {
    const { first, most } = this.#missing.has(name) ? PAUSE_MS.missing : PAUSE_MS.known;
    const lastMs = this.#pausesMs.get(name);
    const pauseMs = lastMs === undefined ? first : Math.min(lastMs * 2, most);
    this.#pausesMs.set(name, pauseMs);
    this.#timers.get(name)?.();
    this.#timers.set(
      name,
      this.#deps.clock.after(pauseMs, () => void this.#ask(name)),
    );
  }

  /** Asks once, and once more if there was reason to meanwhile. */
  async #ask(name: string): Promise<void> {
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
    this.#tell(name, answer);
    if (asking.again) void this.#ask(name);
  }

  #tell(name: string, answer: Described): void {
    if (answer.ok) {
      this.#settle(name);
      this.#missing.delete(name);
      return this.#deps.onAnswer(name, answer.value);
    }
    const isRefused = answer.error.kind === "invalid";
    if (isRefused) this.#deps.onRefused(name, answer.error);
    // what it goes on with stays; what it says next it will tell of
    if (isRefused && !this.#missing.has(name)) this.#settle(name);
    else this.#askLater(name);
  }

  /** One that answered, however it came to be asked, is not asked on. */
  #settle(name: string): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
    this.#pausesMs.delete(name);
  }
}
