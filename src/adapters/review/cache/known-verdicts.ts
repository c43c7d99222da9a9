import type { BindingPlan } from "../../../model/plan.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Reviewer, RevokedTags } from "../../../ports/review-client.ts";
import { compileEncoder, compileViewEncoder, type EncodeReview } from "../encode-review.ts";
import type { ViewTerms } from "../encode-view.ts";
import type { PacedLog } from "../watch/paced-log.ts";
import { cachedReviewer } from "./cached-reviewer.ts";
import { Flights } from "./flights.ts";
import { MAX_BYTES, VerdictCache } from "./verdict-cache.ts";

/** What the verdicts of one interceptor are kept with. */
export interface KnownVerdictsDeps {
  readonly clock: Clock;
  /** Its lines already name the interceptor. */
  readonly log: PacedLog;
  /** Every endpoint's `Watch` is open. */
  readonly isInTouch: () => boolean;
  /** Callers that may wait for an equal question under way. */
  readonly maxFollowers: number;
  /** Workers that each keep verdicts: `max_entries` and the memory are for all of them together (C37). Default: 1. */
  readonly workers?: number | undefined;
}

/** What is known without asking an interceptor again, and who wants to hear that it is no longer true (C34). Lives as long as its client, over reloads. */
export class KnownVerdicts {
  readonly #deps: KnownVerdictsDeps;
  readonly #cache: VerdictCache;
  readonly #flights: Flights;
  readonly #listeners = new Set<(tags: RevokedTags) => void>();

  constructor(deps: KnownVerdictsDeps) {
    this.#deps = deps;
    this.#cache = new VerdictCache(deps.clock, Math.floor(MAX_BYTES / (deps.workers ?? 1)));
    this.#flights = new Flights(deps.maxFollowers, deps.clock);
  }

  get size(): number {
    return this.#cache.size;
  }

  /** Callers that wait for an equal question under way. */
  get waiting(): number {
    return this.#flights.followers;
  }

  setLimit(maxFollowers: number): void {
    this.#flights.setLimit(maxFollowers);
  }

  /** The reviewer of a binding: one that asks by `asking`, before which what is known is looked at where the binding was granted that. */
  reviewer(binding: BindingPlan, hidden: ViewTerms["hidden"], asking: (encode: EncodeReview) => Reviewer): Reviewer {
    const { cache } = binding;
    const ask = asking(compileEncoder(binding, hidden));
    if (!isKept(binding) || cache === undefined) return ask;
    return cachedReviewer(
      { ...binding, cache: { ...cache, maxEntries: Math.max(1, Math.floor(cache.maxEntries / (this.#deps.workers ?? 1))) } },
      // who is not known is encoded twice: remembering the view by its subject costs every known one more, in the collector
      { encodeView: compileViewEncoder(binding, hidden), ask },
      { cache: this.#cache, flights: this.#flights, isInTouch: this.#deps.isInTouch },
    );
  }

  /** Forgets, then tells: whoever hears of it and asks again asks the service. */
  revoke(tags: readonly string[]): number {
    const forgotten = this.#cache.revoke(tags);
    this.#deps.log.write("info", "verdicts_revoked", { tags: tags.length, forgotten });
    this.#tell(tags);
    return forgotten;
  }

  /** Returns the function that takes the listener back. */
  onRevoked(listener: (tags: RevokedTags) => void): () => void {
    // a function of its own, so that one given twice is taken back once
    const entry = (tags: RevokedTags): void => listener(tags);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** A `Watch` went down: revokes may be missed from now on. */
  loseTouch(): void {
    this.#cache.loseTouch();
  }

  /** A `Watch` is up, for the first time or again: what was revoked meanwhile was not heard. */
  regainTouch(): void {
    this.#tell("any");
  }

  close(): void {
    this.#listeners.clear();
  }

  #tell(tags: RevokedTags): void {
    for (const listener of [...this.#listeners]) listener(tags);
  }
}

/** Once more what the plan was made by: a secret shown to a service must not decide for another request. */
const isKept = ({ mode, enforcement, expose, described }: BindingPlan): boolean =>
  described && mode !== "observe" && enforcement === "enforce" && expose.length === 0;
