/** One thing an operator may want to know of an item: a text, a list whose order says nothing, or a list of what it was granted. */
export type Fact = string | readonly string[] | { readonly granted: readonly string[] };

/** By the word it is called in a difference. */
export type Facts = Readonly<Record<string, Fact>>;

/** What is said of each member of `T`, save those left out: a member nobody thought of does not compile. */
export type FactTable<T, Left extends keyof T> = { readonly [K in Exclude<keyof T, Left>]-?: (item: T) => Facts };

/** All facts of an item, in the order of the table. */
export const factsOf = <T>(table: Readonly<Record<string, (item: T) => Facts>>, item: T): Facts =>
  Object.fromEntries(Object.values(table).flatMap((facts) => Object.entries(facts(item))));

/** What differs, one change a line: `timeout: 500ms -> 1s`, `needs: widened by /request/body`, `labels: + b; - a`. */
export const diffFacts = (before: Facts, after: Facts): readonly string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((label) =>
    diffFact(before[label] ?? "", after[label] ?? "").map((change) => `${label}: ${change}`),
  );

function diffFact(before: Fact, after: Fact): readonly string[] {
  if (isGranted(before) && isGranted(after)) {
    const [more, less] = compared(before.granted, after.granted);
    return [...worded("widened by ", more), ...worded("narrowed by ", less)];
  }
  if (isList(before) && isList(after)) {
    const [more, less] = compared(before, after);
    const parts = [...worded("+ ", more), ...worded("- ", less)];
    return parts.length === 0 ? [] : [parts.join("; ")];
  }
  const [old, now] = [textOf(before), textOf(after)];
  return old === now ? [] : [`${old} -> ${now}`];
}

const isList = (fact: Fact): fact is readonly string[] => Array.isArray(fact);

const isGranted = (fact: Fact): fact is { readonly granted: readonly string[] } => typeof fact !== "string" && !isList(fact);

/** What only the second list has, and what only the first. */
function compared(
  before: readonly string[],
  after: readonly string[],
): readonly [more: readonly string[], less: readonly string[]] {
  const [old, now] = [new Set(before), new Set(after)];
  return [[...now].filter((item) => !old.has(item)).toSorted(), [...old].filter((item) => !now.has(item)).toSorted()];
}

const worded = (words: string, list: readonly string[]): readonly string[] =>
  list.length === 0 ? [] : [`${words}${list.join(", ")}`];

function textOf(fact: Fact): string {
  const text = typeof fact === "string" ? fact : (isList(fact) ? fact : fact.granted).toSorted().join(", ");
  return text === "" ? "none" : text;
}
