import type { Json } from "@sallyport/contract/json.ts";
import type { PointerSet } from "@sallyport/contract/view-field.ts";

/** The part of a document that some pointers name, for a document that stands at `at`; containers that hold nothing of it are left out. */
export function cutJson(value: Json, pointers: PointerSet, at: readonly string[] = []): Json | undefined {
  if (pointers.covers(at)) return value;
  if (!(value instanceof Map) || !pointers.touchesTokens(at)) return undefined;
  const kept = new Map<string, Json>();
  for (const [name, member] of value) {
    const cut = cutJson(member, pointers, [...at, name]);
    if (cut !== undefined) kept.set(name, cut);
  }
  return kept.size === 0 ? undefined : kept;
}
