import { cutsOf } from "../cuts.ts";
import { Random } from "../random.ts";
import { disagreement, isSame } from "./disagreement.ts";
import { generateCase } from "./generate.ts";
import { llhttpReader } from "./read-with-llhttp.ts";
import { readWithOurs } from "./read-with-ours.ts";

/** What a run found. */
export interface FuzzReport {
  readonly cases: number;
  /** Cases with a request we took, requests we took to their end, cases we refused, cases we refused and llhttp did not. */
  readonly accepted: number;
  readonly requests: number;
  readonly refused: number;
  readonly stricter: number;
  /** At most ten. */
  readonly findings: readonly { readonly why: string; readonly bytes: Buffer; readonly detail: string }[];
}

const MOST_FINDINGS = 10;

/** Generates cases and reads each with our parser, whole and in pieces, and with llhttp; the same seed gives the same cases. */
export function fuzzRequests({ cases, seed }: { readonly cases: number; readonly seed: number }): FuzzReport {
  const random = new Random(seed);
  const readWithLlhttp = llhttpReader();
  const findings: FuzzReport["findings"][number][] = [];
  const counts = { accepted: 0, requests: 0, refused: 0, stricter: 0 };
  let done = 0;
  for (; done < cases && findings.length < MOST_FINDINGS; done += 1) {
    const bytes = generateCase(random);
    const ours = readWithOurs(bytes);
    const inPieces = readWithOurs(bytes, cutsOf(random, bytes.byteLength));
    const reference = readWithLlhttp(bytes);
    if (ours.requests.length > 0) counts.accepted += 1;
    for (const { ended } of ours.requests) counts.requests += ended ? 1 : 0;
    if (ours.fault !== undefined) counts.refused += 1;
    if (ours.fault !== undefined && reference.fault === undefined) counts.stricter += 1;
    const why = disagreement(ours, reference) ?? (isSame(ours, inPieces) ? undefined : "read otherwise in pieces");
    if (why !== undefined) findings.push({ why, bytes, detail: JSON.stringify({ ours, inPieces, reference }) });
  }
  return { cases: done, ...counts, findings };
}
