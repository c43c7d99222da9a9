import { type Json, jsonEquals, type JsonObject, RawNumber } from "@sallyport/contract/json.ts";
import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import { formatPointer } from "@sallyport/contract/json-pointer.ts";
import { alignLists } from "./align-lists.ts";
import { Fingerprints } from "./fingerprints.ts";

/** Tells what an altered container was made from; undefined when it is new. */
export type OriginOf = (json: Json) => Json | undefined;

/**
 * The fewest operations that turn `before` into `after`, addressed below `at` (tokens). What is equal is not
 * mentioned, what was moved within its object or list is moved, and a container is replaced whole where nothing of it
 * is left or where that is one operation instead of several.
 */
export function difference(before: Json, after: Json, at: readonly string[], originOf: OriginOf): readonly PatchOperation[] {
  return compare({ before, after, at }, { originOf, fingerprints: new Fingerprints() });
}

interface Pair {
  readonly before: Json;
  readonly after: Json;
  readonly at: readonly string[];
}

interface Comparison {
  readonly originOf: OriginOf;
  readonly fingerprints: Fingerprints;
}

// `kept`: whether anything of the container is still there
interface Changes {
  readonly operations: readonly PatchOperation[];
  readonly kept: boolean;
}

function compare(pair: Pair, using: Comparison): readonly PatchOperation[] {
  const { before, after, at } = pair;
  if (before === after || sameScalar(before, after)) return [];
  const replaced: PatchOperation = { op: "replace", path: formatPointer(at), value: after };
  const changes = containerChanges(pair, using);
  if (changes === undefined) return [replaced];
  if (changes.operations.length <= 1) return changes.operations;
  const altered = using.originOf(after) === before;
  return altered && changes.kept ? changes.operations : [replaced];
}

function containerChanges(pair: Pair, using: Comparison): Changes | undefined {
  const { before, after, at } = pair;
  if (Array.isArray(before) && Array.isArray(after)) return listChanges(before, after, at, using);
  if (before instanceof Map && after instanceof Map) return objectChanges(before, after, at, using);
  return undefined;
}

function objectChanges(before: JsonObject, after: JsonObject, at: readonly string[], using: Comparison): Changes {
  const gone = [...before.keys()].filter((name) => !after.has(name));
  const fresh = [...after.keys()].filter((name) => !before.has(name));
  const renamed = renames(gone, fresh, { before, after, using });
  const place = (name: string): string => formatPointer([...at, name]);
  const operations: PatchOperation[] = [...renamed].map(([to, from]) => ({ op: "move", from: place(from), path: place(to) }));
  const taken = new Set(renamed.values());
  for (const name of gone) if (!taken.has(name)) operations.push({ op: "remove", path: place(name) });
  for (const [name, value] of after) {
    const earlier = before.get(renamed.get(name) ?? name);
    if (earlier === undefined) operations.push({ op: "add", path: place(name), value });
    else operations.push(...compare({ before: earlier, after: value, at: [...at, name] }, using));
  }
  return { operations, kept: gone.length - taken.size < before.size };
}

/** New name → old name, for members whose value merely moved. */
function renames(
  gone: readonly string[],
  fresh: readonly string[],
  members: { readonly before: JsonObject; readonly after: JsonObject; readonly using: Comparison },
): ReadonlyMap<string, string> {
  const renamed = new Map<string, string>();
  if (gone.length === 0 || fresh.length === 0) return renamed;
  const { fingerprints } = members.using;
  const byPrint = new Map<string, string[]>();
  for (const name of gone) push(byPrint, fingerprints.of(members.before.get(name) ?? null), name);
  for (const name of fresh) {
    const value = members.after.get(name) ?? null;
    const from = byPrint.get(fingerprints.of(members.using.originOf(value) ?? value))?.shift();
    if (from !== undefined) renamed.set(name, from);
  }
  return renamed;
}

function push(lists: Map<string, string[]>, key: string, name: string): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [name]);
  else list.push(name);
}

function listChanges(
  before: readonly Json[],
  after: readonly Json[],
  at: readonly string[],
  using: Comparison,
): Changes | undefined {
  const alignment = alignLists(
    before.map((item) => using.fingerprints.of(item)),
    after.map((item) => using.fingerprints.of(using.originOf(item) ?? item)),
  );
  if (alignment === undefined) return undefined;
  const place = (index: number): string => formatPointer([...at, String(index)]);
  const operations: PatchOperation[] = alignment.steps.map((step): PatchOperation => {
    switch (step.kind) {
      case "remove":
        return { op: "remove", path: place(step.index) };
      case "move":
        return { op: "move", from: place(step.from), path: place(step.index) };
      case "add":
        return { op: "add", path: place(step.index), value: after[step.item] ?? null };
      default:
        return step satisfies never;
    }
  });
  // last, because only now every item is at its final index
  for (const [item, earlier] of alignment.matches) {
    const pair = { before: before[earlier] ?? null, after: after[item] ?? null, at: [...at, String(item)] };
    operations.push(...compare(pair, using));
  }
  return { operations, kept: alignment.sameCount > 0 };
}

/** Equal numbers may have different texts; only two texts can say that digits changed. */
function sameScalar(before: Json, after: Json): boolean {
  if (before instanceof RawNumber && after instanceof RawNumber) return jsonEquals(before, after);
  if (before instanceof RawNumber) return Object.is(Number(before.text), after);
  if (after instanceof RawNumber) return jsonEquals(before, after);
  return false;
}
