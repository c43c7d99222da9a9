/** Cells of the table; beyond, lists are not compared item by item. About 1 MiB. */
const MAX_CELLS = 250_000;

/** Index after → index before, ascending in both. */
export type Pairs = ReadonlyMap<number, number>;

/**
 * Pairs the items of two lists so that the fewest of them are removed, added or altered in place; among equals, so that
 * the most keep their key. Undefined when what lies between the common beginning and end is too long to compare.
 */
export function closestPairs(before: readonly string[], after: readonly string[]): Pairs | undefined {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  const middle = pairsOf(before.slice(start, before.length - end), after.slice(start, after.length - end));
  if (middle === undefined) return undefined;
  const pairs = new Map<number, number>();
  for (let index = 0; index < start; index += 1) pairs.set(index, index);
  for (const [a, b] of middle) pairs.set(a + start, b + start);
  for (let back = end; back > 0; back -= 1) pairs.set(after.length - back, before.length - back);
  return pairs;
}

// one edit costs more than all kept items of a table together can make up for
const EDIT = 1024;
const KEPT = -1;

function pairsOf(before: readonly string[], after: readonly string[]): Pairs | undefined {
  const width = after.length + 1;
  if (before.length * after.length > MAX_CELLS) return undefined;
  const costs = costTable(before, after);
  const cost = (i: number, j: number): number => costs[i * width + j] ?? 0;
  const pairs = new Map<number, number>();
  let i = 0;
  let j = 0;
  while (i < before.length && j < after.length) {
    if (cost(i, j) === (before[i] === after[j] ? KEPT : EDIT) + cost(i + 1, j + 1)) pairs.set(j++, i++);
    else if (cost(i, j) === EDIT + cost(i + 1, j)) i += 1;
    else j += 1;
  }
  return pairs;
}

/** At `i * (after.length + 1) + j`: the least cost of turning before[i..] into after[j..]. */
function costTable(before: readonly string[], after: readonly string[]): Int32Array {
  const width = after.length + 1;
  const costs = new Int32Array((before.length + 1) * width);
  const at = (i: number, j: number): number => costs[i * width + j] ?? 0;
  for (let i = before.length; i >= 0; i -= 1) {
    for (let j = after.length; j >= 0; j -= 1) {
      if (i === before.length || j === after.length) {
        costs[i * width + j] = EDIT * (before.length - i + after.length - j);
        continue;
      }
      const paired = (before[i] === after[j] ? KEPT : EDIT) + at(i + 1, j + 1);
      costs[i * width + j] = Math.min(paired, EDIT + at(i + 1, j), EDIT + at(i, j + 1));
    }
  }
  return costs;
}
