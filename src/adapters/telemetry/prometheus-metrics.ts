import { Registry, collectDefaultMetrics } from "@prometheus-io/client";
import { METRICS, type MetricDefinition } from "../../model/metrics-table.ts";
import type { Metrics } from "../../ports/metrics.ts";
import { snapshotOf, type MetricsSnapshot } from "./metrics-snapshot.ts";
import { SeriesCounter, SeriesGauge, SeriesHistogram } from "./prometheus-series.ts";

/** The metrics of one gateway, readable as text. */
export interface ExposedMetrics extends Metrics {
  /** Prometheus text format; its media type is `contentType`. */
  expose(): Promise<string>;
  readonly contentType: string;
  /** As they are now, for another process to add up. */
  snapshot(): Promise<MetricsSnapshot>;
}

/** Takes no part in the exposition: what a metric that is full gives. */
const NOWHERE = { add() {}, set() {}, observe() {} };

/**
 * Metrics in a registry of their own; a metric appears once something is bound to it. `processMetrics` adds the usual
 * `process_*` and `nodejs_*` ones: they belong to the process, so one instance per process asks for them.
 */
export function prometheusMetrics(options: { readonly processMetrics?: boolean } = {}): ExposedMetrics {
  const registry = new Registry();
  if (options.processMetrics === true) collectDefaultMetrics({ register: registry });
  const counterOf = oncePerName((definition) => new SeriesCounter(definition, registry));
  const gaugeOf = oncePerName((definition) => new SeriesGauge(definition, registry));
  const histogramOf = oncePerName((definition) => new SeriesHistogram(definition, registry));
  const refused = (): typeof NOWHERE => {
    counterOf(METRICS.seriesDropped).bind([])?.add();
    return NOWHERE;
  };
  return {
    counter: (definition, labels) => counterOf(definition).bind(labels) ?? refused(),
    gauge: (definition, labels) => gaugeOf(definition).bind(labels) ?? refused(),
    histogram: (definition, labels) => histogramOf(definition).bind(labels) ?? refused(),
    expose: () => registry.metrics(),
    contentType: registry.contentType,
    snapshot: () => snapshotOf(registry),
  };
}

/** Bounded by the table of metrics; a definition of another kind under the same name is refused by the registry. */
function oncePerName<M>(make: (definition: MetricDefinition) => M): (definition: MetricDefinition) => M {
  const made = new Map<string, M>();
  return (definition) => {
    const known = made.get(definition.name);
    if (known !== undefined) return known;
    const metric = make(definition);
    made.set(definition.name, metric);
    return metric;
  };
}
