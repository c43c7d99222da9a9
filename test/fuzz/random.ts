/** Numbers that look random and are the same for the same seed (mulberry32, public domain algorithm). */
export class Random {
  /** Makes odd things rarer. */
  rarity = 1;
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 … below - 1. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  }

  /** True once in `every`. */
  once(every: number): boolean {
    return this.below(every) === 0;
  }

  /** Something rare: once in `every`, more seldom the higher `rarity` is set. */
  oddly(every: number): boolean {
    return this.below(every * this.rarity) === 0;
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }
}
