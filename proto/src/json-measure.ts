import { isJsonArray, RawNumber, type Json } from "./json-value.ts";
import { FIXED_LIMITS } from "./limits.ts";

/** How large a value is. */
export interface Measure {
  /** Characters of its compact JSON text, not counting what escapes add: never more than any text it was read from. */
  readonly bytes: number;
  /** Levels of lists and objects; one more than the bound on nesting when the value exceeds it. */
  readonly depth: number;
}

/** Measures a value by walking it, never deeper than the bound on nesting, so that no value overflows the stack. */
export function measure(value: Json): Measure {
  const size = { bytes: 0, depth: 0 };
  walk(value, 1, size);
  return size;
}

function walk(value: Json, depth: number, size: { bytes: number; depth: number }): void {
  if (typeof value === "string") size.bytes += value.length + 2;
  else if (typeof value === "number") size.bytes += digits(value);
  else if (value === null || value === true) size.bytes += 4;
  else if (value === false) size.bytes += 5;
  else if (value instanceof RawNumber) size.bytes += value.text.length;
  else walkContainer(value, depth, size);
}

function walkContainer(
  value: readonly Json[] | ReadonlyMap<string, Json>,
  depth: number,
  size: { bytes: number; depth: number },
): void {
  if (depth > size.depth) size.depth = depth;
  if (depth > FIXED_LIMITS.jsonDepth) return;
  if (isJsonArray(value)) {
    for (const item of value) walk(item, depth + 1, size);
    size.bytes += Math.max(2, value.length + 1);
    return;
  }
  for (const [name, member] of value) {
    size.bytes += name.length + 3;
    walk(member, depth + 1, size);
  }
  size.bytes += Math.max(2, value.size + 1);
}

// the text is made only for long numbers: most are short, and lists of them are where time goes
function digits(value: number): number {
  if (value >= 0 && value < 1000 && Number.isInteger(value)) return value < 10 ? 1 : value < 100 ? 2 : 3;
  return String(value).length;
}
