import { closestPairs, type Pairs } from "./edit-distance.ts";

/** How the items of one list become those of another. */
export interface Alignment {
  /** What happens to items, in order; indices are those at that moment. */
  readonly steps: readonly ListStep[];
  /** Index after → index before, for every item that is still there, altered or not. */
  readonly matches: ReadonlyMap<number, number>;
  /** How many of them have the same key as before. */
  readonly sameCount: number;
}

export type ListStep =
  | { readonly kind: "remove"; readonly index: number }
  | { readonly kind: "move"; readonly from: number; readonly index: number }
  /** `item`: its index in the list after. */
  | { readonly kind: "add"; readonly index: number; readonly item: number };

/** More steps than a verdict can carry: a list that changed so much is replaced whole. */
const MAX_STEPS = 1024;

/**
 * Aligns two lists by the keys of their items, with the fewest steps: items stay or are altered in place, and one
 * that would be removed here and added there is moved. Undefined when the lists are too different to be worth it.
 */
export function alignLists(before: readonly string[], after: readonly string[]): Alignment | undefined {
  const inPlace = closestPairs(before, after);
  if (inPlace === undefined) return undefined;
  const moved = movedItems(before, after, inPlace);
  const matches = new Map([...inPlace, ...moved]);
  const changed = before.length - matches.size + moved.size + (after.length - matches.size);
  if (changed > MAX_STEPS) return undefined;
  const sameCount = [...matches].filter(([item, earlier]) => after[item] === before[earlier]).length;
  return { steps: stepsOf({ before: before.length, after: after.length }, inPlace, moved), matches, sameCount };
}

interface Lengths {
  readonly before: number;
  readonly after: number;
}

function movedItems(before: readonly string[], after: readonly string[], inPlace: Pairs): Pairs {
  const pairedBefore = new Set(inPlace.values());
  const free = new Map<string, number[]>();
  before.forEach((key, index) => {
    if (pairedBefore.has(index)) return;
    const list = free.get(key);
    if (list === undefined) free.set(key, [index]);
    else list.push(index);
  });
  const moved = new Map<number, number>();
  after.forEach((key, index) => {
    const from = inPlace.has(index) ? undefined : free.get(key)?.shift();
    if (from !== undefined) moved.set(index, from);
  });
  return moved;
}

function stepsOf(lengths: Lengths, inPlace: Pairs, moved: Pairs): readonly ListStep[] {
  const steps: ListStep[] = [];
  const remaining = new Set([...inPlace.values(), ...moved.values()]);
  // from the end, so that earlier indices hold
  for (let index = lengths.before - 1; index >= 0; index -= 1) if (!remaining.has(index)) steps.push({ kind: "remove", index });
  const row: number[] = [];
  for (let index = 0; index < lengths.before; index += 1) if (remaining.has(index)) row.push(index);
  // every item is put right behind its predecessor; only items still to be moved stand in between
  let previous = -1;
  for (let item = 0; item < lengths.after; item += 1) {
    const earlier = inPlace.get(item);
    if (earlier !== undefined) {
      previous = row.indexOf(earlier, previous + 1);
      continue;
    }
    const mover = moved.get(item);
    if (mover === undefined) steps.push({ kind: "add", index: previous + 1, item });
    else {
      const from = row.indexOf(mover);
      row.splice(from, 1);
      if (from <= previous) previous -= 1;
      if (from !== previous + 1) steps.push({ kind: "move", from, index: previous + 1 });
    }
    row.splice(previous + 1, 0, mover ?? NEW_ITEM);
    previous += 1;
  }
  return steps;
}

const NEW_ITEM = -1;
