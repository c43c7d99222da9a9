import { MODES, type Mode } from "@sallyport/contract/phase.ts";
import type { AllowVerdict, RespondVerdict, VerdictDraft } from "@sallyport/contract/verdict.ts";
import { Allow } from "./allow.ts";
import { Deny } from "./deny.ts";
import { denyVerdict } from "./deny-verdict.ts";
import { InvalidVerdictError } from "./errors.ts";
import { type PatchedReview, patchesOf } from "./patches.ts";
import { Respond } from "./respond.ts";

/** A review that was answered. */
export interface AnsweredReview extends PatchedReview {
  /** The mode the operator granted: the declared one, or a weaker one. */
  readonly granted: Mode;
}

/** A verdict fit to be sent, and what had to be done to it, one sentence each. */
export interface CleanVerdict {
  readonly verdict: VerdictDraft;
  readonly defects: readonly string[];
}

/**
 * The verdict of what `review` returned. Throws `InvalidVerdictError` where the gateway would refuse it, so that the
 * reason is in the interceptor's own log; a denial is never refused (C8).
 */
export function verdictOf(answer: unknown, review: AnsweredReview): CleanVerdict {
  const { mode, cacheable } = review.reader.binding;
  if (answer instanceof Allow) return { verdict: allowVerdict(answer, review), defects: [] };
  if (!MODES[mode].mayDeny && (answer instanceof Deny || answer instanceof Respond)) {
    throw new InvalidVerdictError("mode", `a binding of mode ${mode} annotates only: return allow()`);
  }
  if (answer instanceof Deny) return denyVerdict(answer, { cacheable });
  if (answer instanceof Respond) return { verdict: respondVerdict(answer, review), defects: [] };
  const what = answer === undefined ? "nothing" : "something else";
  throw new InvalidVerdictError("answer", `review returned ${what}; it returns allow(), deny(…) or respond(…) on every path`);
}

function allowVerdict(answer: Allow<string>, review: AnsweredReview): AllowVerdict {
  const { mode, cacheable } = review.reader.binding;
  const { cache, validForMs } = answer.reuse;
  if (answer.changes.length > 0 && !MODES[mode].mayPatch) {
    throw new InvalidVerdictError(
      "mode",
      `a binding of mode ${mode} changes nothing; ${answer.written.join(", ")} takes mode: "mutate"`,
    );
  }
  if (answer.changes.length > 0 && review.granted === "validate") {
    throw new InvalidVerdictError("mode", `the operator granted mode ${review.granted}: patches would be refused`);
  }
  if (cache !== undefined && !cacheable) throw new InvalidVerdictError("cache", "cacheFor takes cacheable: true on the binding");
  return {
    kind: "allow",
    // an observer's patches change nothing, whatever it was written to be: nobody waits for them
    patches: review.granted === "observe" ? [] : patchesOf(answer, review),
    ...answer.notes,
    ...(cache && { cache }),
    ...(validForMs !== undefined && { validForMs }),
  };
}

function respondVerdict(answer: Respond, { reader }: AnsweredReview): RespondVerdict {
  const { mode, phase } = reader.binding;
  if (!MODES[mode].mayPatch) throw new InvalidVerdictError("mode", `respond takes mode: "mutate", not ${mode}`);
  if (phase === "post-response") throw new InvalidVerdictError("mode", "the upstream has answered: change its response, or deny");
  const { status, headers, body, notes } = answer;
  return { kind: "respond", status, headers, body, ...notes };
}
