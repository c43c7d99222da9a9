import type { JwkSet, PublicJwk } from "../../ports/jwk-set.ts";

/** A signing key, as far as its place in the ring is concerned. */
export interface RingKey {
  readonly kid: string;
  readonly publicJwk: PublicJwk;
}

/** How long things last, milliseconds. */
export interface RingTimes {
  /** A new key is published for so long before it signs, so that whoever keeps the JWKS knows it by then. */
  readonly publishAheadMs: number;
  /** Longest time a token may be accepted after it was signed, leeway of its readers included. */
  readonly tokenAcceptedMs: number;
}

/**
 * Which key signs and which are published (C38). A new key is published before it signs; an old one stays published until every token
 * it signed is out of date. Times are the wall clock's, epoch milliseconds, because tokens live by it.
 */
export class KeyRing<Key extends RingKey> {
  readonly #times: RingTimes;
  /** What the operator's files hold, or the generated key. */
  #listed: readonly Key[];
  #signer: Key;
  #next: { readonly key: Key; readonly fromMs: number } | undefined;
  /** Since when a key that was named is published, by kid. */
  #publishedSinceMs: ReadonlyMap<string, number>;
  /** Keys that signed and sign no more. */
  #retired: readonly { readonly key: Key; readonly untilMs: number }[] = [];

  /** The first key signs at once: nobody holds tokens of another. */
  constructor(keys: readonly [Key, ...Key[]], nowMs: number, times: RingTimes) {
    this.#times = times;
    this.#listed = keys;
    this.#signer = keys[0];
    this.#publishedSinceMs = new Map(keys.map(({ kid }) => [kid, nowMs]));
  }

  /** From now on the first of these is to sign, and all of them are published. */
  use(keys: readonly [Key, ...Key[]], nowMs: number): void {
    this.#settle(nowMs);
    const known = this.#publishedSinceMs;
    this.#listed = keys;
    this.#publishedSinceMs = new Map([...keys, this.#signer].map(({ kid }) => [kid, known.get(kid) ?? nowMs]));
    const [wanted] = keys;
    const sinceMs = this.#publishedSinceMs.get(wanted.kid) ?? nowMs;
    const isSigning = wanted.kid === this.#signer.kid;
    this.#next = isSigning ? undefined : { key: wanted, fromMs: Math.max(nowMs, sinceMs + this.#times.publishAheadMs) };
    this.#settle(nowMs);
  }

  /** The key to sign with now. */
  signer(nowMs: number): Key {
    this.#settle(nowMs);
    return this.#signer;
  }

  /** The public halves of all keys that matter now, the signing one first. */
  published(nowMs: number): JwkSet {
    this.#settle(nowMs);
    const keys = [this.#signer, ...(this.#next === undefined ? [] : [this.#next.key]), ...this.#listed];
    const all = [...keys, ...this.#retired.map(({ key }) => key)];
    return { keys: [...new Map(all.map(({ kid, publicJwk }) => [kid, publicJwk])).values()] };
  }

  #settle(nowMs: number): void {
    const next = this.#next;
    if (next !== undefined && next.fromMs <= nowMs) {
      // not from `next.fromMs`: a clock that jumped must not cut the overlap short
      const retiring = { key: this.#signer, untilMs: nowMs + this.#times.tokenAcceptedMs };
      this.#retired = [...this.#retired, retiring];
      this.#signer = next.key;
      this.#next = undefined;
    }
    if (this.#retired.some(({ untilMs }) => untilMs <= nowMs)) {
      this.#retired = this.#retired.filter(({ untilMs }) => untilMs > nowMs);
    }
  }
}
