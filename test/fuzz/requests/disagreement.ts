import type { Reading, ReadRequest } from "./reading.ts";

/**
 * Where our reading goes beyond the reference's: a request, a byte of a body, an end or a further request we took that it did not
 * take for the same. That we refuse more, or stop earlier, is no disagreement. Undefined: none.
 */
export function disagreement(ours: Reading, reference: Reading): string | undefined {
  for (const [at, request] of ours.requests.entries()) {
    const other = reference.requests[at];
    if (other === undefined) return "we took a request it refused";
    const why = difference(request, other);
    if (why !== undefined) return why;
    if (request.ended && !other.ended) return "we took an end it did not";
    if (!request.ended && at < ours.requests.length - 1) return "we took a request within another";
  }
  const last = reference.requests[ours.requests.length - 1];
  if (!ours.goesOn || last === undefined) return undefined;
  if (reference.requests.length > ours.requests.length) return "it took a further request, we did not";
  return reference.goesOn ? undefined : "we would read on, it would not";
}

function difference(ours: ReadRequest, reference: ReadRequest): string | undefined {
  if (ours.method !== reference.method) return "different method";
  if (ours.requestTarget !== reference.requestTarget) return "different target";
  if (ours.minor !== reference.minor) return "different version";
  if (ours.lines.length !== reference.lines.length) return "different number of lines";
  if (ours.lines.some((line, i) => line !== reference.lines[i])) return "different lines";
  if (!reference.body.startsWith(ours.body)) return "we gave out body bytes it did not";
  return ours.ended && ours.body !== reference.body ? "different body" : undefined;
}

/** Whether two readings of one parser are the same. */
export const isSame = (a: Reading, b: Reading): boolean => JSON.stringify(a) === JSON.stringify(b);
