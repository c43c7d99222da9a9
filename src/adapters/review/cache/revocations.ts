/** Tags whose last revoke is remembered. A review that began before an older one is not stored, whatever its tags. */
const MAX_TAGS = 16_384;

/** What decides whether a verdict is still good. */
export interface Revocable {
  readonly tags: readonly string[];
  /** Its service revokes by Watch. */
  readonly revocable: boolean;
}

/** Remembers which tags were revoked since a review began: its verdict may be older than the revoke, whichever of them arrives first (C34). */
export class Revocations {
  readonly #lastOf = new Map<string, number>();
  readonly #maxTags: number;
  #moment = 0;
  #forgottenUntil = 0;
  #outOfTouchUntil = 0;

  constructor(maxTags = MAX_TAGS) {
    this.#maxTags = maxTags;
  }

  /** A number that grows with every revoke and every loss of touch. */
  get moment(): number {
    return this.#moment;
  }

  revoke(tags: readonly string[]): void {
    this.#moment += 1;
    for (const tag of tags) {
      // again at the end: the map's order is that of the last revokes
      this.#lastOf.delete(tag);
      this.#lastOf.set(tag, this.#moment);
    }
    for (const [tag, moment] of this.#lastOf) {
      if (this.#lastOf.size <= this.#maxTags) return;
      this.#lastOf.delete(tag);
      this.#forgottenUntil = moment;
    }
  }

  /** Revokes may have been missed. */
  loseTouch(): void {
    this.#moment += 1;
    this.#outOfTouchUntil = this.#moment;
  }

  /** Whether what a review that began at this moment was told may have been revoked since. */
  mayBeRevoked(since: number, { tags, revocable }: Revocable): boolean {
    if (since < this.#forgottenUntil || (revocable && since < this.#outOfTouchUntil)) return true;
    return tags.some((tag) => (this.#lastOf.get(tag) ?? 0) > since);
  }
}
