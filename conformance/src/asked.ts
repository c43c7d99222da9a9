import type { Verdict } from "@sallyport/contract/verdict.ts";
import { USUAL_LIMITS } from "./binding-under-test.ts";
import { fail, quoted } from "./finding.ts";
import type { AskedReview } from "./probe.ts";
import { statusName } from "./status-name.ts";
import { readVerdict } from "./verdict-checks.ts";

/** For people: which review is meant. */
export const placeOf = ({ binding, shown }: Pick<AskedReview, "binding" | "shown">): string =>
  shown === "" ? binding.place : `${binding.place}, ${shown}`;

/** The verdict of a review; fails where there is none the gateway could use. */
export function usable(asked: AskedReview): Verdict {
  const { answer, request } = asked;
  if (answer.kind === "status")
    return fail(`${placeOf(asked)}: no verdict but ${statusName(answer.code)}: ${quoted(answer.details)}`);
  const { maxResponseBytes } = USUAL_LIMITS;
  if (answer.bytes.byteLength > maxResponseBytes)
    return fail(`${placeOf(asked)}: a verdict of ${answer.bytes.byteLength} bytes, at most ${maxResponseBytes}`);
  const verdict = readVerdict(answer.bytes, request.reviewId);
  return verdict.ok ? verdict.value : fail(`${placeOf(asked)}: not a usable verdict: ${verdict.error}`);
}

/** The verdicts among answers that can be read; what cannot is for `usable` to report. */
export function verdictsAmong(all: readonly AskedReview[]): readonly (readonly [AskedReview, Verdict])[] {
  return all.flatMap((asked) => {
    const read = asked.answer.kind === "reply" ? readVerdict(asked.answer.bytes, asked.request.reviewId) : undefined;
    return read?.ok === true ? [[asked, read.value] as const] : [];
  });
}

/** Fails unless the answer is an error: a status, never a verdict of any kind. Returns its code. */
export function refused(asked: AskedReview, what: string): number {
  const { answer } = asked;
  if (answer.kind === "status") return answer.code;
  const verdict = readVerdict(answer.bytes, asked.request.reviewId);
  const said = verdict.ok ? `a verdict, ${verdict.value.kind}` : "an answer with status OK";
  return fail(`${asked.binding.place}: ${what} is answered with ${said}, not with an error`);
}

/** Fails unless the answer is a usable verdict or an error; `why` says what was odd about the review. */
export function answered(asked: AskedReview, why: string): void {
  const { answer } = asked;
  if (answer.kind === "reply") return void usable(asked);
  // the deadline is generous: running into it means that nothing came
  if (answer.code === 4) fail(`${placeOf(asked)}: no answer within ${Math.round(answer.tookMs)} ms to ${why}`);
}
