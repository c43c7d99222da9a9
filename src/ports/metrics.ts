import type { MetricDefinition } from "../model/metrics-table.ts";

export type { MetricDefinition };

/** A number that only grows. */
export interface Counter {
  add(amount?: number): void;
}

/** A number that goes up and down. */
export interface Gauge {
  set(value: number): void;
}

/** A distribution; values in the unit its name says. */
export interface Histogram {
  observe(value: number): void;
}

/** Gives instruments already bound to their labels: bound when a plan is assembled, so that a request builds no label objects. */
export interface Metrics {
  counter(definition: MetricDefinition, labels: readonly string[]): Counter;
  gauge(definition: MetricDefinition, labels: readonly string[]): Gauge;
  histogram(definition: MetricDefinition, labels: readonly string[]): Histogram;
}
