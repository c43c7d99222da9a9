import { z } from "zod";
import { FIXED_LIMITS } from "../../model/limits.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { DURATION_PATTERN, formatDuration, parseDuration } from "../../support/durations.ts";
import { formatSize, parseSize, SIZE_PATTERN } from "../../support/sizes.ts";

/** A small language in which a value is written. */
export interface Grammar<Value> {
  /** Its name in the reference page. */
  readonly title: string;
  /** Completes the issue about a value that is no text at all: `expected …`. */
  readonly expected: string;
  /** Regular expression for editors; what it lets pass may still be refused at load. */
  readonly pattern?: string;
  /** The error is the whole message; one that begins with `expected` gets what was found appended. */
  readonly parse: (text: string) => Result<Value, string>;
}

/** A text that is parsed once, at load, into what the program works with. */
export function written<Value>(grammar: Grammar<Value>): z.ZodPipe<z.ZodString, z.ZodTransform<Awaited<Value>, string>> {
  const text = z.string({ error: () => `expected ${grammar.expected}` });
  const described = text.meta({ title: grammar.title, ...(grammar.pattern !== undefined && { pattern: grammar.pattern }) });
  return described.transform((value, payload) => {
    const parsed = grammar.parse(value);
    if (parsed.ok) return parsed.value;
    payload.issues.push({ code: "custom", message: parsed.error, input: value });
    return z.NEVER;
  });
}

/** Text that matches a pattern. */
export function matching(shape: { readonly title: string; readonly expected: string; readonly pattern: string }) {
  const pattern = new RegExp(shape.pattern, "u");
  return written<string>({ ...shape, parse: (text) => (pattern.test(text) ? ok(text) : err(`expected ${shape.expected}`)) });
}

/** How things are named. No `/`: names are joined by it in logs. */
export const name = matching({
  title: "name",
  expected: "a name of letters, digits, dots, dashes and underscores (63 at most, a letter or digit first)",
  pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
});

/** One to 4096 characters without control characters; relative to the folder of the configuration file. */
export const filePath = matching({
  title: "file path",
  expected: "the path of a file",
  pattern: "^[^\\u0000-\\u001f\\u007f]{1,4096}$",
});

const labelName = matching({
  title: "label name",
  expected: "a label name of letters, digits, dots, dashes and underscores (64 at most, a letter or digit first)",
  pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
});

/** A map from label name to text. */
export const labelMap = z.record(labelName, z.string().max(FIXED_LIMITS.labelBytes));

/** Milliseconds between two bounds, both included. */
export function duration(bounds: { readonly minMs: number; readonly maxMs: number }) {
  const range = `expected a duration between ${formatDuration(bounds.minMs)} and ${formatDuration(bounds.maxMs)}`;
  return written<number>({
    title: "duration",
    expected: "a duration such as 500ms, 30s or 10m",
    pattern: DURATION_PATTERN,
    parse: (text) => within(parseDuration(text), [bounds.minMs, bounds.maxMs], range),
  });
}

/** Bytes between two bounds, both included. */
export function size(bounds: { readonly minBytes: number; readonly maxBytes: number }) {
  const range = `expected a size between ${formatSize(bounds.minBytes)} and ${formatSize(bounds.maxBytes)}`;
  return written<number>({
    title: "size",
    expected: "a size such as 64KiB or 10MiB",
    pattern: SIZE_PATTERN,
    parse: (text) => within(parseSize(text), [bounds.minBytes, bounds.maxBytes], range),
  });
}

/** A whole number between two bounds, both included. */
export function count(bounds: { readonly min: number; readonly max: number }): z.ZodInt {
  const message = `expected a whole number from ${bounds.min} to ${bounds.max}`;
  return z.int({ error: message }).min(bounds.min, { error: message }).max(bounds.max, { error: message });
}

/** A list with something in it. */
export const nonEmpty = <Item extends z.ZodType>(item: Item, what: string): z.ZodArray<Item> =>
  z.array(item).min(1, { error: `expected at least one ${what}: leave the key out to mean all` });

function within(parsed: Result<number, string>, [min, max]: readonly [number, number], message: string): Result<number, string> {
  if (!parsed.ok) return parsed;
  return parsed.value >= min && parsed.value <= max ? parsed : err(message);
}

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
