import type { ExchangeRecord, ReviewRecord } from "../model/exchange-record.ts";
import { hasOwnLine, logLevelOf, toLogFields, toReviewFields } from "../model/log-fields.ts";
import { METRICS } from "../model/metrics-table.ts";
import { PROBLEMS } from "../model/problem.ts";
import type { Counter, Metrics } from "../ports/metrics.ts";
import type { Log } from "../ports/log.ts";

/** Writes the access log and counts problems, and exchanges that no route counts; one call per exchange. `reviews` is asked each time, because a reload may change it. */
export function exchangeRecorder(deps: {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly reviews: () => "none" | "failures" | "all";
}): (record: ExchangeRecord) => void {
  const problems = new Map<string, Counter>(
    Object.entries(PROBLEMS).map(([code, { source }]) => [code, deps.metrics.counter(METRICS.problems, [code, source])]),
  );
  return (record) => {
    const { ending } = record;
    // a denial's own code is the interceptor's text; only rows of the table are labels (C9)
    if (record.route === "") deps.metrics.counter(METRICS.requests, ["", `${Math.floor(ending.status / 100)}xx`]).add();
    // what closed a stream was never answered, and has a counter of its own
    if ("code" in ending && ending.kind !== "closed") (problems.get(ending.code) ?? problems.get("review_denied"))?.add();
    deps.log.write(logLevelOf(ending), "exchange", toLogFields(record));
    for (const review of record.reviews) {
      if (hasOwnLine(review, deps.reviews()))
        deps.log.write(isTrouble(review) ? "warn" : "info", "review", reviewLine(record, review));
    }
  };
}

const isTrouble = ({ ending }: ReviewRecord): boolean => ending.kind === "failure" || ending.kind === "unreviewable";

const reviewLine = (record: ExchangeRecord, review: ReviewRecord): Readonly<Record<string, unknown>> => ({
  request_id: record.ids.requestId,
  trace_id: record.ids.traceId,
  route: record.route,
  ...toReviewFields(review),
});
