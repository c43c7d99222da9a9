import { CancelSource, type Cancel } from "../model/cancel.ts";
import type { ReReview } from "../pipeline/re-review.ts";
import type { Clock } from "../ports/clock.ts";
import type { Closing, LongLived, LongLivedStream, Term } from "../ports/long-lived.ts";
import type { RevokedTags } from "../ports/review-client.ts";

/** Streams of one process that can be asked about again. */
export const MAX_STREAMS = 100_000;

/** Re-reviews under way at once; the rest wait in the order they came due, each stream at most once. */
export const MAX_AT_ONCE = 64;

/** No stream is asked about again sooner than this because of time alone; milliseconds. */
export const MIN_INTERVAL_MS = 1_000;

/** Longest a timer is set for: a runtime's timers overflow at 2^31 ms, and asking once a day harms nobody. */
const MAX_INTERVAL_MS = 86_400_000;

/** Longest grace after a re-review that a revoke brought on; milliseconds. */
const MAX_REVOKE_GRACE_MS = 60_000;

/** What the streams need from outside. */
export interface StreamDeps {
  readonly clock: Clock;
  /** Asks about a stream again. A rejection counts as a failure of the gateway's own. */
  readonly ask: (stream: LongLivedStream, call: { readonly count: number; readonly cancel: Cancel }) => Promise<ReReview>;
  /** Hears of every re-review that was not abandoned. Throws nothing. */
  readonly onAsked: (stream: LongLivedStream, asked: ReReview, count: number) => void;
  /** Hears of every stream that was closed. Throws nothing. */
  readonly onClosed: (closing: Closing) => void;
  readonly maxStreams?: number;
}

/** The open long-lived exchanges of a process (C36): a timer for each that has a `valid_for`, an index of tags for revokes, a queue of those due. */
export class LongLivedStreams implements LongLived {
  readonly #deps: StreamDeps;
  readonly #open = new Set<Entry>();
  /** By interceptor and tag. Bounded by the streams and the tags of a verdict. */
  readonly #byTag = new Map<string, Set<Entry>>();
  /** When each interceptor last revoked anything: catches a revoke between a verdict and the stream it led to. */
  readonly #revokedMs = new Map<string, number>();
  readonly #due = new Set<Entry>();
  #underWay = 0;

  constructor(deps: StreamDeps) {
    this.#deps = deps;
  }

  /** Streams open at present. */
  get size(): number {
    return this.#open.size;
  }

  enter(stream: LongLivedStream): (() => void) | undefined {
    if (this.#open.size >= (this.#deps.maxStreams ?? MAX_STREAMS)) return undefined;
    const entry = new Entry(stream);
    this.#open.add(entry);
    this.#take(entry, stream.terms);
    if (this.#wasRevokedMeanwhile(entry)) this.#makeDue(entry, "revoke");
    return () => this.#leave(entry);
  }

  /** A service, or an operator in its name, takes back what it said under these tags, or may have under any. */
  revoked(interceptor: string, tags: RevokedTags): void {
    this.#revokedMs.set(interceptor, this.#deps.clock.nowMs());
    if (tags === "any") {
      const prefix = keyOf(interceptor, "");
      for (const [key, entries] of this.#byTag)
        if (key.startsWith(prefix)) for (const entry of entries) this.#makeDue(entry, "revoke");
      return;
    }
    for (const tag of tags) for (const entry of this.#byTag.get(keyOf(interceptor, tag)) ?? []) this.#makeDue(entry, "revoke");
  }

  // which tag it was is not kept: asking once too often is no harm
  #wasRevokedMeanwhile({ stream, terms }: Entry): boolean {
    for (const { interceptor, tags } of terms.values())
      if (tags.length > 0 && (this.#revokedMs.get(interceptor) ?? -1) >= stream.startedMs) return true;
    return false;
  }

  #take(entry: Entry, terms: ReadonlyMap<string, Term>): void {
    this.#forgetTerms(entry);
    entry.terms = terms;
    for (const { interceptor, tags } of terms.values()) {
      for (const tag of tags) {
        const key = keyOf(interceptor, tag);
        const entries = this.#byTag.get(key) ?? new Set();
        this.#byTag.set(key, entries.add(entry));
      }
    }
    const nowMs = this.#deps.clock.nowMs();
    const dueMs = Math.min(...[...terms.values()].map(({ sinceMs, validForMs }) => sinceMs + (validForMs ?? Infinity)));
    if (dueMs === Infinity) return;
    this.#wait(entry, Math.max(MIN_INTERVAL_MS, dueMs - nowMs));
  }

  #wait(entry: Entry, delayMs: number): void {
    entry.stopTimer?.();
    entry.stopTimer = this.#deps.clock.after(Math.min(delayMs, MAX_INTERVAL_MS), () => this.#makeDue(entry, "time"));
  }

  #makeDue(entry: Entry, trigger: "time" | "revoke"): void {
    entry.stopTimer?.();
    entry.stopTimer = undefined;
    if (trigger === "revoke") entry.wasRevoked = true;
    if (entry.cancel === undefined) this.#due.add(entry);
    // the answer under way may be from before the revoke
    else entry.askAgain = true;
    this.#pump();
  }

  #pump(): void {
    for (const entry of this.#due) {
      if (this.#underWay >= MAX_AT_ONCE) return;
      this.#due.delete(entry);
      this.#underWay += 1;
      void this.#ask(entry).finally(() => {
        this.#underWay -= 1;
        this.#pump();
      });
    }
  }

  async #ask(entry: Entry): Promise<void> {
    const cancel = new CancelSource();
    entry.cancel = cancel;
    entry.count += 1;
    const asked = await this.#deps.ask(entry.stream, { count: entry.count, cancel }).catch(brokenBy);
    entry.cancel = undefined;
    if (!this.#open.has(entry) || asked.kind === "abandoned") return;
    this.#deps.onAsked(entry.stream, asked, entry.count);
    this.#follow(entry, asked);
  }

  #follow(entry: Entry, asked: Exclude<ReReview, { kind: "abandoned" }>): void {
    const { askAgain } = entry;
    entry.askAgain = false;
    if (asked.kind === "closed" || (asked.kind === "failed" && entry.isInGrace)) return this.#close(entry, asked.closing);
    // counts, also where it is asked again at once: else a service that revokes and never answers would keep the stream open
    if (asked.kind === "failed") entry.isInGrace = true;
    if (askAgain) {
      this.#due.add(entry);
      return;
    }
    if (asked.kind === "failed") return this.#wait(entry, graceMs(entry));
    entry.isInGrace = false;
    entry.wasRevoked = false;
    this.#take(entry, renewedTerms(entry, asked, this.#deps.clock.nowMs()));
  }

  #close(entry: Entry, closing: Closing): void {
    this.#leave(entry);
    this.#deps.onClosed(closing);
    entry.stream.close(closing);
  }

  #leave(entry: Entry): void {
    if (!this.#open.delete(entry)) return;
    entry.cancel?.abort();
    this.#due.delete(entry);
    this.#forgetTerms(entry);
  }

  #forgetTerms(entry: Entry): void {
    entry.stopTimer?.();
    entry.stopTimer = undefined;
    for (const { interceptor, tags } of entry.terms.values()) {
      for (const tag of tags) {
        const key = keyOf(interceptor, tag);
        const entries = this.#byTag.get(key);
        entries?.delete(entry);
        if (entries?.size === 0) this.#byTag.delete(key);
      }
    }
  }
}

/** One open stream, and where asking about it stands. */
class Entry {
  readonly stream: LongLivedStream;
  terms: ReadonlyMap<string, Term> = new Map();
  /** Re-reviews begun. */
  count = 0;
  stopTimer: (() => void) | undefined;
  /** Of the re-review under way. */
  cancel: CancelSource | undefined;
  askAgain = false;
  wasRevoked = false;
  /** The last re-review failed closed; the next failure is the end. */
  isInGrace = false;

  constructor(stream: LongLivedStream) {
    this.stream = stream;
  }
}

// a space is in no interceptor's name
const keyOf = (interceptor: string, tag: string): string => `${interceptor} ${tag}`;

function graceMs({ terms, wasRevoked }: Entry): number {
  const validForMs = Math.max(
    MIN_INTERVAL_MS,
    Math.min(...[...terms.values()].map((term) => term.validForMs ?? MAX_INTERVAL_MS)),
  );
  if (validForMs === MAX_INTERVAL_MS) return MIN_INTERVAL_MS;
  return wasRevoked ? Math.min(validForMs, MAX_REVOKE_GRACE_MS) : validForMs;
}

/** What a binding that failed open said before stands, counted from now on. */
function renewedTerms(
  entry: Entry,
  { terms, silent }: Extract<ReReview, { kind: "renewed" }>,
  nowMs: number,
): ReadonlyMap<string, Term> {
  const renewed = new Map(terms);
  for (const name of silent) {
    const term = entry.terms.get(name);
    if (term !== undefined) renewed.set(name, { ...term, sinceMs: nowMs });
  }
  return renewed;
}

const brokenBy = (cause: unknown): ReReview => ({
  kind: "failed",
  closing: { code: "internal", by: "gateway", source: "gateway", reason: "failed", cause },
  reviews: [],
});
