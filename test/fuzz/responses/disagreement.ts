import type { Reading } from "./reading.ts";

/**
 * Where our reading goes beyond the reference's: something we took for a head, a body, an end or a reusable connection that it
 * did not take for the same. That we refuse more is no disagreement. Undefined: none.
 */
export function disagreement(ours: Reading, reference: Reading): string | undefined {
  if (ours.status === undefined) return ours.body === "" && !ours.ended ? undefined : "a body without a head";
  if (reference.status === undefined) return "we took a head it refused";
  if (ours.status !== reference.status) return "different status";
  if (ours.lines.length !== reference.lines.length) return "different number of lines";
  if (ours.lines.some((line, i) => line !== reference.lines[i])) return "different lines";
  if (!reference.body.startsWith(ours.body)) return "we gave out body bytes it did not";
  if (!ours.ended) return undefined;
  if (!reference.ended) return "we took an end it did not";
  if (ours.body !== reference.body) return "different body";
  if (ours.reusable && !reference.reusable) return "we would use the connection again, it would not";
  return undefined;
}

/** Whether two readings of one parser are the same. */
export const isSame = (a: Reading, b: Reading): boolean =>
  a.status === b.status &&
  a.body === b.body &&
  a.ended === b.ended &&
  a.reusable === b.reusable &&
  (a.fault === undefined) === (b.fault === undefined) &&
  a.lines.join("\n") === b.lines.join("\n");
