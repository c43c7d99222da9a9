import type { Choosable } from "./choosable.ts";

/**
 * Consistent hashing by the highest score (rendezvous): each endpoint has a score for each key, made of both and of its
 * weight, and the best usable one is taken. Whoever leaves takes only its own keys along, whoever comes takes only its share;
 * nothing is kept, and all processes agree. Costs a few nanoseconds for each endpoint.
 */
export class HashOrder<E extends Choosable> {
  readonly #all: readonly E[];
  readonly #seeds: readonly number[];

  constructor(all: readonly E[]) {
    this.#all = all;
    this.#seeds = all.map(({ url }) => hashOf(url));
  }

  /** The best usable endpoint for this key. */
  first(key: string, usable: (endpoint: E) => boolean): E | undefined {
    const hash = hashOf(key);
    let best: E | undefined;
    let highest = Number.NEGATIVE_INFINITY;
    for (const [at, endpoint] of this.#all.entries()) {
      if (!usable(endpoint)) continue;
      const score = scoreOf(mixed(hash ^ (this.#seeds[at] ?? 0)), endpoint.weight);
      if (score <= highest) continue;
      highest = score;
      best = endpoint;
    }
    return best;
  }
}

/** Of uniform numbers u in (0, 1), -w / ln u is highest with a probability in proportion to w. */
const scoreOf = (hash: number, weight: number): number => -weight / Math.log((hash + 0.5) / 2 ** 32);

/** FNV-1a over UTF-16 units, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return mixed(hash);
}

/** Lets every bit of the input change every bit of the output (the finaliser of MurmurHash3). */
function mixed(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
