import { METRICS } from "../model/metrics-table.ts";
import type { MetricsText, Readiness } from "../ports/admin-facts.ts";
import type { Metrics } from "../ports/metrics.ts";

/** States that are looked up whenever metrics are read, rather than counted. */
export interface ScrapedStates {
  readonly readiness: Readiness;
  readonly inFlight: () => number;
  /** Open client connections by listener. */
  readonly connections: () => ReadonlyMap<string, number>;
  /** Reviews waiting for a free place, by interceptor. */
  readonly pendingReviews: () => ReadonlyMap<string, number>;
}

/** Metrics as text, with the gauges of the present moment. A check that a reload took away counts as passing: nobody must mend it. */
export function scrapedMetrics(metrics: Metrics & MetricsText, states: ScrapedStates): MetricsText {
  const known = new Set<string>();
  const look = (): void => {
    metrics.gauge(METRICS.inFlight, []).set(states.inFlight());
    for (const [interceptor, pending] of states.pendingReviews())
      metrics.gauge(METRICS.reviewsPending, [interceptor]).set(pending);
    for (const [listener, open] of states.connections()) metrics.gauge(METRICS.connections, [listener]).set(open);
    const failing = new Set(states.readiness.checks().flatMap(({ name, ok }) => (known.add(name), ok ? [] : [name])));
    for (const name of known) metrics.gauge(METRICS.ready, [name]).set(failing.has(name) ? 0 : 1);
  };
  return {
    contentType: metrics.contentType,
    expose() {
      look();
      return metrics.expose();
    },
  };
}
