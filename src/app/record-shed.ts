import { METRICS } from "../model/metrics-table.ts";
import { PROBLEMS } from "../model/problem.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { ShedReason } from "../ports/turnstile.ts";

/** Between two lines of log, milliseconds. */
const LINE_EVERY_MS = 1_000;

/** Counts requests that are shed, as the problem they are answered with too, and says so in one line a second at most: the first at once, then how many it were since. */
export function shedRecorder(deps: {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Requests under way. */
  readonly underWay: () => number;
}): (listener: string, reason: ShedReason) => void {
  const { log, metrics, clock } = deps;
  const problems = metrics.counter(METRICS.problems, ["gateway_overloaded", PROBLEMS.gateway_overloaded.source]);
  const requests = metrics.counter(METRICS.requests, ["", "5xx"]);
  const since = new Map<ShedReason, number>();
  let isSilent = false;
  const tell = (): void => {
    isSilent = since.size > 0;
    if (!isSilent) return;
    log.write("warn", "requests_shed", { ...Object.fromEntries(since), under_way: deps.underWay() });
    since.clear();
    clock.after(LINE_EVERY_MS, tell);
  };
  return (listener, reason) => {
    metrics.counter(METRICS.shed, [listener, reason]).add();
    problems.add();
    requests.add();
    since.set(reason, (since.get(reason) ?? 0) + 1);
    if (!isSilent) tell();
  };
}
