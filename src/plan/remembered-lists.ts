/** Most lists kept, counted with the beginnings they share: some hundred bytes each. */
const MAX_KEPT = 4096;

/** What follows a beginning. */
interface Beginning<T> {
  list: readonly T[] | undefined;
  next: Map<number, Beginning<T>> | undefined;
}

/**
 * Turns places in a list into what stands there, frozen; equal places give the same list again, so that whoever gets it can tell by
 * one comparison, and keep what follows from it. Beyond some thousands it goes on with new ones.
 */
export function rememberedLists<T>(items: readonly T[]): (places: readonly number[]) => readonly T[] {
  const none: Beginning<T> = { list: Object.freeze([]), next: undefined };
  let kept = 1;
  return (places) => {
    let at = none;
    for (const place of places) {
      let beginning = at.next?.get(place);
      if (beginning === undefined) {
        if (kept >= MAX_KEPT) return listOf(items, places);
        kept += 1;
        beginning = { list: undefined, next: undefined };
        (at.next ??= new Map()).set(place, beginning);
      }
      at = beginning;
    }
    return (at.list ??= listOf(items, places));
  };
}

const listOf = <T>(items: readonly T[], places: readonly number[]): readonly T[] =>
  Object.freeze(places.flatMap((place) => items[place] ?? []));
