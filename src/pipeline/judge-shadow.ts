import type { Result } from "../model/result.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import type { ReviewedVerdict } from "../ports/review-client.ts";
import type { RunnablePlan } from "../ports/runnable-plan.ts";
import { applyPatches, invalid } from "../review/apply-verdict.ts";
import { respondAnswer } from "../review/denial.ts";
import { screened, type Asked } from "./ask-for-verdict.ts";
import { isMoveAllowedFrom } from "./reroute.ts";
import { placeOf } from "./place.ts";

/** What a shadow's verdict would have been worth: itself, or the failure an enforcing binding's would have been (C33). Changes nothing. */
export function judgeShadow(
  plan: RunnablePlan,
  { binding, subject }: Asked,
  verdict: ReviewedVerdict,
): Result<ReviewedVerdict, ReviewFailure> {
  const passed = screened(binding, subject, verdict);
  if (!passed.ok || passed.value.kind === "deny") return passed;
  if (passed.value.kind === "respond") {
    if (binding.plan.mode !== "mutate")
      return invalid("contract", `${binding.name} responded, but was granted ${binding.plan.mode}`);
    const answer = respondAnswer(binding.plan, passed.value);
    return answer.ok ? passed : answer;
  }
  const { needs, writes, expose } = binding;
  const applied = applyPatches({ plan: binding.plan, needs, writes, expose, hidden: plan.hidden }, subject, passed.value.patches);
  if (!applied.ok) return applied;
  const move = isMoveAllowedFrom(
    { plan, standing: () => placeOf(plan, subject.exchange), catchingUp: false },
    binding,
    applied.value,
  );
  return move.ok ? passed : move;
}
