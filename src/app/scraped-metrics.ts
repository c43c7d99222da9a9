import { METRICS } from "../model/metrics-table.ts";
import type { MetricsText, Readiness } from "../ports/admin-facts.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { ReviewClientStatus } from "../ports/review-client.ts";
import type { Strain } from "./strain.ts";

/** What one process has in hand, looked up whenever metrics are read, rather than counted. */
export interface TrafficStates {
  readonly inFlight: () => number;
  /** Open streams that are asked about again (C36). */
  readonly longLived: () => number;
  readonly strain: Pick<Strain, "admitted" | "takeWorstMs">;
  /** Open WebSockets. */
  readonly webSockets: () => number;
  /** Open client connections by listener. */
  readonly connections: () => ReadonlyMap<string, number>;
  /** By interceptor. */
  readonly clients: () => ReadonlyMap<string, ReviewClientStatus>;
}

/** States that are looked up whenever metrics are read. */
export interface ScrapedStates extends TrafficStates {
  readonly readiness: Readiness;
}

/** Metrics as text, with the gauges of the present moment. */
export function scrapedMetrics(metrics: Metrics & MetricsText, states: ScrapedStates): MetricsText {
  const lookAtTraffic = trafficGauges(metrics, states);
  const lookAtReadiness = readinessGauges(metrics, states.readiness);
  return {
    contentType: metrics.contentType,
    expose() {
      lookAtTraffic();
      lookAtReadiness();
      return metrics.expose();
    },
  };
}

/** Returns what sets the gauges of the present moment. */
export function trafficGauges(metrics: Metrics, states: TrafficStates): () => void {
  /** Endpoints that ever had an open breaker: one that a reload took away counts as closed. */
  const opened = new Map<string, readonly [string, string]>();
  /** Listeners that ever were: one that a reload took away has none open. */
  const doors = new Set<string>();
  return () => {
    for (const labels of opened.values()) metrics.gauge(METRICS.breakerOpen, labels).set(0);
    metrics.gauge(METRICS.inFlight, []).set(states.inFlight());
    metrics.gauge(METRICS.longLivedOpen, []).set(states.longLived());
    metrics.gauge(METRICS.shedShare, []).set(1 - states.strain.admitted);
    metrics.gauge(METRICS.loopDelay, []).set(states.strain.takeWorstMs() / 1000);
    metrics.gauge(METRICS.websocketsOpen, []).set(states.webSockets());
    for (const [interceptor, { pendingReviews, cachedVerdicts, endpoints }] of states.clients()) {
      metrics.gauge(METRICS.reviewsPending, [interceptor]).set(pendingReviews);
      metrics.gauge(METRICS.verdictCacheEntries, [interceptor]).set(cachedVerdicts);
      for (const { url, state } of endpoints) {
        const isOpen = state === "open" || state === "half-open";
        if (isOpen) opened.set(`${interceptor} ${url}`, [interceptor, url]);
        metrics.gauge(METRICS.breakerOpen, [interceptor, url]).set(isOpen ? 1 : 0);
      }
    }
    const connections = states.connections();
    for (const listener of connections.keys()) doors.add(listener);
    for (const listener of doors) metrics.gauge(METRICS.connections, [listener]).set(connections.get(listener) ?? 0);
  };
}

/** The same for readiness. A check that a reload took away counts as passing: nobody must mend it. */
export function readinessGauges(metrics: Metrics, readiness: Readiness): () => void {
  const known = new Set<string>();
  return () => {
    const failing = new Set(readiness.checks().flatMap(({ name, ok }) => (known.add(name), ok ? [] : [name])));
    for (const name of known) metrics.gauge(METRICS.ready, [name]).set(failing.has(name) ? 0 : 1);
  };
}
