import { isJsonArray, RawNumber, type Json } from "./json-value.ts";
import { FIXED_LIMITS } from "./limits.ts";

/** How large a value is. */
export interface Measure {
  /** Characters of its compact JSON text, not counting what escapes add: never more than any text it was read from. */
  readonly bytes: number;
  /** Levels of lists and objects; one more than the bound on nesting when the value exceeds it. */
  readonly depth: number;
}

/** Measures kept for whoever measures parts of one value again and again. */
export interface KnownMeasures {
  readonly sizes: WeakMap<object, Measure>;
  /** Whether a list or object may change after it was measured; it is then not kept. */
  readonly changes: (container: object) => boolean;
}

/** Measures a value by walking it, never deeper than the bound on nesting, so that no value overflows the stack. */
export function measure(value: Json, known?: KnownMeasures): Measure {
  const size: Walk = { bytes: 0, depth: 0, known };
  walk(value, 1, size);
  return { bytes: size.bytes, depth: size.depth };
}

/** Smaller lists and objects are walked as fast as they are kept. Bytes. */
const WORTH_KEEPING = 1024;

interface Walk {
  bytes: number;
  depth: number;
  readonly known: KnownMeasures | undefined;
}

function walk(value: Json, depth: number, size: Walk): void {
  if (typeof value === "string") size.bytes += value.length + 2;
  else if (typeof value === "number") size.bytes += digits(value);
  else if (value === null || value === true) size.bytes += 4;
  else if (value === false) size.bytes += 5;
  else if (value instanceof RawNumber) size.bytes += value.text.length;
  else if (size.known === undefined) walkContainer(value, depth, size);
  else walkOnce(value, { depth, size, known: size.known });
}

type Container = readonly Json[] | ReadonlyMap<string, Json>;

function walkOnce(
  value: Container,
  { depth, size, known }: { readonly depth: number; readonly size: Walk; readonly known: KnownMeasures },
): void {
  const before = known.sizes.get(value);
  if (before !== undefined) {
    size.bytes += before.bytes;
    size.depth = Math.max(size.depth, depth - 1 + before.depth);
    return;
  }
  const outer = { bytes: size.bytes, depth: size.depth };
  size.depth = depth;
  walkContainer(value, depth, size);
  const bytes = size.bytes - outer.bytes;
  // beyond the bound on nesting not everything was seen
  const isWhole = size.depth <= FIXED_LIMITS.jsonDepth;
  if (bytes >= WORTH_KEEPING && isWhole && !known.changes(value))
    known.sizes.set(value, { bytes, depth: size.depth - depth + 1 });
  size.depth = Math.max(outer.depth, size.depth);
}

function walkContainer(value: Container, depth: number, size: Walk): void {
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
