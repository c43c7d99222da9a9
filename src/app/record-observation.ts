import type { Result } from "../model/result.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import type { Log } from "../ports/log.ts";
import type { Observation } from "../ports/observers.ts";
import type { ReviewedVerdict } from "../ports/review-client.ts";

/** Counts what each observation came to (C29), and logs those that failed. */
export function observationRecorder(
  log: Log,
): (observation: Observation, answer: Result<ReviewedVerdict, ReviewFailure>, durationMs: number) => void {
  return ({ binding, subject }, answer, durationMs) => {
    const failure = answer.ok ? undefined : answer.error;
    binding.instruments.duration.observe(durationMs / 1000);
    binding.instruments.outcome(failure === undefined ? "allow" : failure.kind).add();
    if (failure === undefined) return;
    const { requestId } = subject.exchange.ids;
    log.write("warn", "observation_failed", {
      request_id: requestId,
      binding: binding.name,
      failure: failure.kind,
      reason: failure.reason,
      message: failure.message,
    });
  };
}
