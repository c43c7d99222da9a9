import { decodeVerdict, type Verdict } from "@sallyport/contract/verdict.ts";
import { expect, it } from "vitest";
import { CORPUS_WRITES, corpus, mutant, seeded } from "../../support/mutated-verdicts.ts";
import { patched } from "../../support/patching.ts";
import { judge } from "../../support/verdict-oracle.ts";

const REVIEW_ID = "review-1";
const EXPECTED = { reviewId: REVIEW_ID, maxPatches: 8 };
const WRITES = { writes: [...CORPUS_WRITES] };

/** What the gateway makes of bytes: the reason why not, or the kind of verdict. */
function outcomeOf(bytes: Uint8Array): string {
  const decoded = decodeVerdict(bytes, EXPECTED);
  if (!decoded.ok) return `invalid: ${decoded.error.reason}`;
  if (decoded.value.kind !== "allow") return decoded.value.kind;
  const applied = patched(patchesOf(decoded.value), { plan: WRITES });
  if (applied.ok) return "allow";
  return applied.error.kind === "invalid" ? `invalid: ${applied.error.reason}` : applied.error.kind;
}

const patchesOf = (verdict: Verdict) => (verdict.kind === "allow" ? verdict.patches : []);

it("takes every verdict of the corpus the mutants are made of", () => {
  expect(corpus(REVIEW_ID).map(outcomeOf)).toEqual(["allow", "allow", "allow", "allow", "allow", "deny", "deny", "respond"]);
  const judged = { ...EXPECTED, writes: CORPUS_WRITES };
  expect(new Set(corpus(REVIEW_ID).map((bytes) => judge(bytes, judged)))).toEqual(new Set(["unsettled"]));
});

it(
  "makes an invalid review of each of 100,000 malformed verdicts, but for denials, which stay denials (C8)",
  { timeout: 60_000 },
  () => {
    const valid = corpus(REVIEW_ID);
    const random = seeded(20_261_121);
    const outcomes = new Map<string, number>();
    const wrong: string[] = [];
    let malformed = 0;
    while (malformed < 100_000) {
      const bytes = mutant(valid, random);
      const judgement = judge(bytes, { ...EXPECTED, writes: CORPUS_WRITES });
      // whatever it is: nothing throws
      const outcome = outcomeOf(bytes);
      if (judgement === "unsettled") continue;
      malformed += 1;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      const isRight = judgement === "denial" ? outcome === "deny" : outcome.startsWith("invalid: ");
      if (!isRight && wrong.length < 5) wrong.push(`${judgement}, but ${outcome}: ${bytes.toString("hex")}`);
    }
    expect(wrong).toEqual([]);
    // the mutants are not all wrong in one way
    for (const reason of ["undecodable", "contract", "patch_rejected", "too_many_patches"]) {
      expect(outcomes.get(`invalid: ${reason}`), reason).toBeGreaterThan(500);
    }
    expect(outcomes.get("deny")).toBeGreaterThan(500);
  },
);
