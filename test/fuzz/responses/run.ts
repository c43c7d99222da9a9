import { cutsOf } from "../cuts.ts";
import { Random } from "../random.ts";
import { disagreement, isSame } from "./disagreement.ts";
import { generateCase, type ResponseCase } from "./generate.ts";
import { llhttpReader } from "./read-with-llhttp.ts";
import { readWithOurs } from "./read-with-ours.ts";

/** What a run found. */
export interface FuzzReport {
  readonly cases: number;
  /** Read to the end by us, refused by us, refused by us and not by llhttp. */
  readonly accepted: number;
  readonly refused: number;
  readonly stricter: number;
  /** At most ten. */
  readonly findings: readonly { readonly why: string; readonly response: ResponseCase; readonly detail: string }[];
}

const MOST_FINDINGS = 10;

/** Generates cases and reads each with our parser, whole and in pieces, and with llhttp; the same seed gives the same cases. */
export function fuzzResponses({ cases, seed }: { readonly cases: number; readonly seed: number }): FuzzReport {
  const random = new Random(seed);
  const readWithLlhttp = llhttpReader();
  const findings: FuzzReport["findings"][number][] = [];
  let accepted = 0;
  let refused = 0;
  let stricter = 0;
  let done = 0;
  for (; done < cases && findings.length < MOST_FINDINGS; done += 1) {
    const response = generateCase(random);
    const ours = readWithOurs(response);
    const inPieces = readWithOurs(response, cutsOf(random, response.bytes.byteLength));
    const reference = readWithLlhttp(response);
    if (ours.ended) accepted += 1;
    if (ours.fault !== undefined) refused += 1;
    if (ours.fault !== undefined && reference.fault === undefined) stricter += 1;
    const why = disagreement(ours, reference) ?? (isSame(ours, inPieces) ? undefined : "read otherwise in pieces");
    if (why !== undefined) findings.push({ why, response, detail: JSON.stringify({ ours, inPieces, reference }) });
  }
  return { cases: done, accepted, refused, stricter, findings };
}
