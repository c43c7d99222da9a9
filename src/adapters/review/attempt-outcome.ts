import type { ReviewFailure } from "../../model/review-failure.ts";
import type { AttemptOutcome } from "./link.ts";
import { STATUS, statusToFailure, type CallStatus } from "./status-to-failure.ts";

/** How an attempt at a review ended. `given-up`: by us, for a reason that is not the service's. */
export type AttemptEnding = "answered" | "given-up" | ReviewFailure["kind"];

/** An attempt with less of the binding's timeout than this share says nothing about the service when it is not answered in it. */
export const FULL_TIME = 0.9;

/** The ending a status stands for. A config that the service does not know is mended by describing it again, not by leaving it alone. */
export const endingOf = (status: CallStatus, receiveLimitBytes: number): AttemptEnding =>
  status.code === STATUS.FAILED_PRECONDITION ? "given-up" : statusToFailure(status, receiveLimitBytes).kind;

/** What the breaker is told. Only not answering is a failure: a service that denies, says nonsense, or has too much to do is there. */
export function attemptOutcome(ending: AttemptEnding, hasFullTime: boolean): AttemptOutcome {
  switch (ending) {
    case "answered":
      return "success";
    case "unavailable":
      return "failure";
    case "timeout":
      return hasFullTime ? "failure" : "none";
    case "given-up":
    case "invalid":
    case "overloaded":
      return "none";
    default:
      return ending satisfies never;
  }
}
