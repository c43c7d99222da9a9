import type { Random } from "./random.ts";

/** Where a text of that length is cut into pieces: often after every byte. */
export function cutsOf(random: Random, length: number): readonly number[] {
  if (length > 0 && random.once(4)) return Array.from({ length }, (_, at) => at);
  return Array.from({ length: random.below(5) }, () => random.below(length + 1)).toSorted((a, b) => a - b);
}
