/** What a metric is, once and for all; label values come from bounded sets only (routes, bindings, codes; never client input). */
export interface MetricDefinition {
  readonly kind: "counter" | "gauge" | "histogram";
  /** `sallyport_<noun>_<unit|total>`. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds in the unit of the name; histograms only. */
  readonly buckets?: readonly number[];
  /** What the gauges of several workers are together (C37). Default: their sum. */
  readonly overWorkers?: "max";
}

/** Seconds. From a local answer to the longest timeouts an operator sets (30 s), timeouts included. */
const WAITING = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Seconds. What the gateway itself adds: tens of microseconds when all is well. */
const WORKING = [0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25];

const BINDING = ["interceptor", "binding", "phase"] as const;

/** Every metric the gateway has; the table is also the documentation. A new one is a row here. */
export const METRICS = {
  buildInfo: {
    kind: "gauge",
    name: "sallyport_build_info",
    help: "Always 1; the labels say what is running.",
    labels: ["version", "node"],
  },
  ready: {
    kind: "gauge",
    name: "sallyport_ready",
    help: "1 where a readiness check passes, 0 where it does not.",
    labels: ["check"],
  },
  inFlight: { kind: "gauge", name: "sallyport_in_flight_exchanges", help: "Exchanges begun and not yet over.", labels: [] },
  connections: { kind: "gauge", name: "sallyport_connections", help: "Open client connections.", labels: ["listener"] },
  workersServing: {
    kind: "gauge",
    name: "sallyport_workers_serving",
    help: "Workers that serve requests; only where there are several (C37).",
    labels: [],
  },
  workerExits: {
    kind: "counter",
    name: "sallyport_worker_exits_total",
    help: "Workers that ended without having been asked to, and were replaced (C37).",
    labels: [],
  },

  requests: {
    kind: "counter",
    name: "sallyport_requests_total",
    help: "Exchanges that ended, by final route (empty: none matched) and class of the status sent (2xx).",
    labels: ["route", "status_class"],
  },
  requestDuration: {
    kind: "histogram",
    name: "sallyport_request_duration_seconds",
    help: "From the parsed request head to the last byte of the response.",
    labels: ["route"],
    buckets: WAITING,
  },
  overheadDuration: {
    kind: "histogram",
    name: "sallyport_overhead_duration_seconds",
    help: "Time to the response head spent neither waiting for reviews nor for the upstream nor for the client.",
    labels: ["route"],
    buckets: WORKING,
  },
  problems: {
    kind: "counter",
    name: "sallyport_problems_total",
    help: "Problems answered, by code of the problem table.",
    labels: ["code", "source"],
  },
  shed: {
    kind: "counter",
    name: "sallyport_shed_total",
    help: "Requests answered 503 before anything was done for them, by listener and reason: gateway_full, listener_full, loop_delay, heap (R12).",
    labels: ["listener", "reason"],
  },
  shedShare: {
    kind: "gauge",
    name: "sallyport_shed_share",
    help: "Part of new requests that is shed because the process is hard-pressed: 0 when it is not.",
    labels: [],
    overWorkers: "max",
  },
  loopDelay: {
    kind: "gauge",
    name: "sallyport_loop_delay_seconds",
    help: "Longest time the event loop kept a timer waiting since metrics were read last.",
    labels: [],
    overWorkers: "max",
  },
  upstreamDuration: {
    kind: "histogram",
    name: "sallyport_upstream_duration_seconds",
    help: "From sending a request to the upstream's response head, timeouts included.",
    labels: ["upstream"],
    buckets: WAITING,
  },
  upstreamFailures: {
    kind: "counter",
    name: "sallyport_upstream_failures_total",
    help: "Requests an upstream gave no usable response to.",
    labels: ["upstream", "code"],
  },
  upstreamEndpointRequests: {
    kind: "counter",
    name: "sallyport_upstream_endpoint_requests_total",
    help: "Attempts at sending a request, repeats included, by the endpoint's place in the file (from 0).",
    labels: ["upstream", "endpoint"],
  },
  upstreamEndpointOut: {
    kind: "gauge",
    name: "sallyport_upstream_endpoint_out",
    help: "1 where an endpoint failed so often, or its health checks, that it is not used, 0 where it is.",
    labels: ["upstream", "endpoint"],
    overWorkers: "max",
  },
  upstreamEjections: {
    kind: "counter",
    name: "sallyport_upstream_ejections_total",
    help: "How often an endpoint was given up for a while because it failed several times in a row.",
    labels: ["upstream", "endpoint"],
  },
  upstreamDnsFailures: {
    kind: "counter",
    name: "sallyport_upstream_dns_failures_total",
    help: "How often the name of an endpoint could no longer be resolved; the addresses known stay in use.",
    labels: ["upstream", "endpoint"],
  },
  upstreamFallbacks: {
    kind: "counter",
    name: "sallyport_upstream_fallbacks_total",
    help: "Requests that went to another upstream in the place of the one of their route.",
    labels: ["upstream", "fallback"],
  },
  upstreamRetries: {
    kind: "counter",
    name: "sallyport_upstream_retries_total",
    help: "Repeats of a request by outcome: sent, refused (the retry budget was spent).",
    labels: ["upstream", "outcome"],
  },

  reviews: {
    kind: "counter",
    name: "sallyport_reviews_total",
    help: "Reviews by outcome: allow, deny, respond, cancelled, or a failure: unavailable, timeout, invalid, overloaded.",
    labels: [...BINDING, "outcome"],
  },
  reviewDuration: {
    kind: "histogram",
    name: "sallyport_review_duration_seconds",
    help: "From a binding's turn to its verdict or failure, timeouts included.",
    labels: BINDING,
    buckets: WAITING,
  },
  shadowReviews: {
    kind: "counter",
    name: "sallyport_shadow_reviews_total",
    help: "Reviews of shadow bindings by the outcome there would have been: allow, deny, respond, or a failure (C33). None had an effect.",
    labels: [...BINDING, "outcome"],
  },
  shadowReviewDuration: {
    kind: "histogram",
    name: "sallyport_shadow_review_duration_seconds",
    help: "From asking a shadow binding, off the path, to its verdict or failure.",
    labels: BINDING,
    buckets: WAITING,
  },
  shadowDropped: {
    kind: "counter",
    name: "sallyport_shadow_dropped_total",
    help: "Reviews of shadow bindings dropped because their queue was full (C33): bodies first, then whole items.",
    labels: ["interceptor", "binding", "part"],
  },
  reviewFailOpen: {
    kind: "counter",
    name: "sallyport_review_fail_open_total",
    help: "Reviews that failed and let the exchange pass (C19). Worth an alert.",
    labels: BINDING,
  },
  reviewSkipped: {
    kind: "counter",
    name: "sallyport_review_skipped_total",
    help: "Exchanges that could not be shown to a binding and passed it by on_unreviewable: skip (C18).",
    labels: BINDING,
  },
  verdictDefects: {
    kind: "counter",
    name: "sallyport_verdict_defects_total",
    help: "Parts of verdicts dropped because a verdict may not say them (C8, C9).",
    labels: BINDING,
  },
  verdictCache: {
    kind: "counter",
    name: "sallyport_verdict_cache_total",
    help: "Reviews of bindings whose verdicts are kept, by outcome: hit, shared (an equal question was under way), miss (C34).",
    labels: [...BINDING, "outcome"],
  },
  verdictCacheEntries: {
    kind: "gauge",
    name: "sallyport_verdict_cache_entries",
    help: "Verdicts kept, those included whose time is over and that nobody asked for since.",
    labels: ["interceptor"],
  },
  whenErrors: {
    kind: "counter",
    name: "sallyport_when_errors_total",
    help: "Conditions that failed to evaluate and counted as a match (C22).",
    labels: BINDING,
  },
  reviewsPending: {
    kind: "gauge",
    name: "sallyport_reviews_pending",
    help: "Reviews waiting for a free place at an interceptor.",
    labels: ["interceptor"],
  },
  breakerOpen: {
    kind: "gauge",
    name: "sallyport_interceptor_breaker_open",
    help: "1 where an endpoint of an interceptor failed so often that only tries go to it, 0 where it is asked.",
    labels: ["interceptor", "endpoint"],
    overWorkers: "max",
  },
  observerDropped: {
    kind: "counter",
    name: "sallyport_observer_dropped_total",
    help: "Observations dropped because the queue was full (C29): bodies first, then whole items.",
    labels: ["interceptor", "binding", "part"],
  },
  longLivedOpen: {
    kind: "gauge",
    name: "sallyport_long_lived_open",
    help: "Open streams that are asked about again: let through by a verdict that ends or can be revoked (C36).",
    labels: [],
  },
  longLivedClosed: {
    kind: "counter",
    name: "sallyport_long_lived_closed_total",
    help: "Open streams closed by a re-review, by reason: denied, failed, route-gone (C36).",
    labels: ["reason"],
  },
  websocketsOpen: { kind: "gauge", name: "sallyport_websockets_open", help: "Open WebSockets.", labels: [] },
  websocketsClosed: {
    kind: "counter",
    name: "sallyport_websockets_closed_total",
    help: "WebSockets that ended, by who or what ended them: client, upstream, idle, too-large, protocol, drain, denied, failed, route-gone.",
    labels: ["end"],
  },

  configReload: {
    kind: "counter",
    name: "sallyport_config_reload_total",
    help: "Reloads by result: swapped, unchanged, rejected.",
    labels: ["result"],
  },
  configLastReloadSuccess: {
    kind: "gauge",
    name: "sallyport_config_last_reload_success_timestamp_seconds",
    help: "Unix time of the last reload that was not rejected.",
    labels: [],
  },
  logDropped: {
    kind: "counter",
    name: "sallyport_log_dropped_total",
    help: "Log lines dropped because whoever reads them was too slow.",
    labels: [],
  },
  seriesDropped: {
    kind: "counter",
    name: "sallyport_metric_series_dropped_total",
    help: "Label sets refused because a metric had too many.",
    labels: [],
  },
} as const satisfies Record<string, MetricDefinition>;
