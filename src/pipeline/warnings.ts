import type { Response } from "../model/exchange.ts";
import type { ReviewRecord } from "../model/exchange-record.ts";
import type { StageEnd } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";

/** Adds the warnings of accepted verdicts as headers, on routes whose operator wants clients to see them (RFC.md §4.1). */
export function withWarnings(run: ExchangeRun, ending: StageEnd, response: Response): Response {
  if (run.routeOrNone?.plan.warnings !== true) return response;
  const warnings = run.reviews.flatMap((review) => warningsOf(review, ending)).slice(0, MAX_WARNING_LINES);
  const headers = warnings.reduce((lines, warning) => lines.append("sallyport-warning", warning), response.headers);
  return { ...response, headers };
}

const MAX_WARNING_LINES = 16;

function warningsOf({ phase, ending: review }: ReviewRecord, ending: StageEnd): readonly string[] {
  if (review.kind !== "verdict") return [];
  // a note on the response may quote it, and nothing of it may leave when its review failed (C17)
  if (phase === "post-response" && ending !== undefined && ending.kind !== "denied") return [];
  return review.warnings.map(headerText).filter((text) => text !== "");
}

/** A warning as a header value: visible ASCII only. */
const headerText = (warning: string): string => warning.replaceAll(/[^\x20-\x7e]/g, "?").trim();
