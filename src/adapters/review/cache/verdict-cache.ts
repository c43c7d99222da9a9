import type { AllowVerdict, DenyVerdict } from "@sallyport/contract/verdict.ts";
import type { Clock } from "../../../ports/clock.ts";
import { memoryOf } from "./memory-of.ts";
import { ownCopy } from "./own-copy.ts";
import { Revocations, type Revocable } from "./revocations.ts";

/** What all kept verdicts of one interceptor may take, bytes, as an estimate. */
export const MAX_BYTES = 16 * 1024 * 1024;

/** What an entry takes beside its verdict, and each of its tags besides: their places in the indexes. */
const ENTRY_BYTES = 512;
const TAG_BYTES = 256;

/** A verdict that may be given again. A responder's never is (C34). */
export type KeptVerdict = AllowVerdict | DenyVerdict;

/** Where a verdict is kept, and for how long. */
export interface KeepTerms extends Revocable {
  /** Binding id and phase: what is kept for it has a bound of its own. */
  readonly shelf: string;
  readonly maxEntries: number;
  readonly ttlMs: number;
  /** `moment` when the review began. */
  readonly since: number;
}

/** One verdict found. */
export interface Found {
  readonly verdict: KeptVerdict;
  /** Since it was kept, milliseconds. */
  readonly ageMs: number;
}

interface Entry extends Revocable {
  readonly id: string;
  readonly verdict: KeptVerdict;
  readonly shelf: string;
  readonly bytes: number;
  readonly keptAtMs: number;
  readonly ttlMs: number;
}

/**
 * Verdicts of one interceptor that may be given again, by what their reviews were shown (C34). Bounded in entries per binding and in
 * bytes; what was unused for longest goes first. Times are monotonic: a clock that is set does not make a verdict last.
 */
export class VerdictCache {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #revocations = new Revocations();
  /** Least recently used first, as in every shelf. */
  readonly #entries = new Map<string, Entry>();
  readonly #shelves = new Map<string, Set<string>>();
  readonly #byTag = new Map<string, Set<string>>();
  #bytes = 0;

  constructor(clock: Clock, maxBytes = MAX_BYTES) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  /** Verdicts kept, those included whose time is over and that nobody asked for since. */
  get size(): number {
    return this.#entries.size;
  }

  /** Grows with every revoke: what begins now is later than all of them. */
  get moment(): number {
    return this.#revocations.moment;
  }

  find(id: string): Found | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    const ageMs = this.#clock.nowMs() - entry.keptAtMs;
    if (ageMs >= entry.ttlMs) {
      this.#forget(entry);
      return undefined;
    }
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    const shelf = this.#shelves.get(entry.shelf);
    shelf?.delete(id);
    shelf?.add(id);
    return { verdict: entry.verdict, ageMs };
  }

  /** Whether a verdict of a review that began at `since` may be told to anybody else: it was not revoked meanwhile. */
  isGood({ since, tags, revocable }: Pick<KeepTerms, "since" | "tags" | "revocable">): boolean {
    return !this.#revocations.mayBeRevoked(since, { tags, revocable });
  }

  /** Keeps a verdict in place of an earlier one; nothing happens where it is not good, or larger than all that may be kept. */
  keep(id: string, verdict: KeptVerdict, terms: KeepTerms): void {
    const { shelf, maxEntries, ttlMs, tags, revocable } = terms;
    const bytes = ENTRY_BYTES + tags.length * TAG_BYTES + memoryOf(verdict);
    if (!this.isGood(terms) || ttlMs <= 0 || maxEntries < 1 || bytes > this.#maxBytes) return;
    const former = this.#entries.get(id);
    if (former !== undefined) this.#forget(former);
    const parts = ownCopy({ verdict, tags: [...new Set(tags)] });
    const entry: Entry = { id, ...parts, shelf, bytes, ttlMs, revocable, keptAtMs: this.#clock.nowMs() };
    this.#entries.set(id, entry);
    this.#bytes += bytes;
    listed(this.#shelves, shelf).add(id);
    for (const tag of entry.tags) listed(this.#byTag, tag).add(id);
    this.#shrink(shelf, maxEntries);
  }

  /** Forgets every verdict with one of these tags; returns how many. Verdicts of reviews under way are not kept if they have one. */
  revoke(tags: readonly string[]): number {
    this.#revocations.revoke(tags);
    const before = this.#entries.size;
    for (const tag of tags) for (const id of [...(this.#byTag.get(tag) ?? [])]) this.#forgetById(id);
    return before - this.#entries.size;
  }

  /** Revokes may have been missed: forgets what could have been revoked, and does not keep what is under way (C34). */
  loseTouch(): void {
    this.#revocations.loseTouch();
    for (const entry of [...this.#entries.values()]) if (entry.revocable) this.#forget(entry);
  }

  #shrink(shelf: string, maxEntries: number): void {
    for (const id of this.#shelves.get(shelf) ?? []) {
      if ((this.#shelves.get(shelf)?.size ?? 0) <= maxEntries) break;
      this.#forgetById(id);
    }
    for (const entry of this.#entries.values()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#forget(entry);
    }
  }

  #forgetById(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#forget(entry);
  }

  #forget({ id, shelf, tags, bytes }: Entry): void {
    this.#entries.delete(id);
    this.#bytes -= bytes;
    unlisted(this.#shelves, shelf, id);
    for (const tag of tags) unlisted(this.#byTag, tag, id);
  }
}

function listed(index: Map<string, Set<string>>, name: string): Set<string> {
  const known = index.get(name);
  if (known !== undefined) return known;
  const made = new Set<string>();
  index.set(name, made);
  return made;
}

/** An empty list is taken away: the indexes grow with the entries and shrink with them. */
function unlisted(index: Map<string, Set<string>>, name: string, id: string): void {
  const list = index.get(name);
  list?.delete(id);
  if (list?.size === 0) index.delete(name);
}
