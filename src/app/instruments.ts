import { METRICS, type MetricDefinition } from "../model/metrics-table.ts";
import type { BindingPlan } from "../model/plan.ts";
import { enforces } from "../plan/enforces.ts";
import type { Counter, Histogram, Metrics } from "../ports/metrics.ts";
import type { ReviewInstruments, RouteInstruments } from "../ports/runnable-plan.ts";

/**
 * Of a plan with more routes, or more bindings, each one's series begin with its first exchange: a metric has room for 10,000 label sets,
 * and what nobody asks for must not take it from what is used. Smaller plans show theirs from the start, at zero.
 */
export const SHOWN_FROM_START = 200;

/** Status classes a route may count. */
const CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

const OUTCOMES = ["allow", "deny", "respond", "cancelled", "unavailable", "timeout", "invalid", "overloaded"] as const;

const CACHE_OUTCOMES = ["hit", "miss", "shared"] as const;

/** Instruments of one route. Bound now, or each when it is first used. */
export function routeInstruments(metrics: Metrics, route: string, when: "now" | "on-use"): RouteInstruments {
  const series = new Series(metrics, [route]);
  const instruments: RouteInstruments = {
    request: (statusClass) => series.counter(METRICS.requests, statusClass),
    get duration() {
      return series.histogram(METRICS.requestDuration);
    },
    get overhead() {
      return series.histogram(METRICS.overheadDuration);
    },
  };
  if (when === "on-use") return instruments;
  for (const name of CLASSES) instruments.request(name);
  return { request: instruments.request, duration: instruments.duration, overhead: instruments.overhead };
}

/** Instruments of one binding. Bound now, or each when it is first used. */
export function reviewInstruments(metrics: Metrics, plan: BindingPlan, when: "now" | "on-use"): ReviewInstruments {
  const { interceptor, id, phase, cache } = plan;
  // what decides nothing stays out of the figures of what does
  const [reviews, duration] = enforces(plan)
    ? [METRICS.reviews, METRICS.reviewDuration]
    : [METRICS.shadowReviews, METRICS.shadowReviewDuration];
  const labels = [interceptor, id, phase];
  const series = new Series(metrics, labels);
  const verdicts = cache === undefined ? undefined : new Series(metrics, labels);
  const instruments: ReviewInstruments = {
    outcome: (outcome) => series.counter(reviews, outcome),
    get duration() {
      return series.histogram(duration);
    },
    get failOpen() {
      return series.counter(METRICS.reviewFailOpen);
    },
    get skippedUnreviewable() {
      return series.counter(METRICS.reviewSkipped);
    },
    get verdictDefects() {
      return series.counter(METRICS.verdictDefects);
    },
    get whenErrors() {
      return series.counter(METRICS.whenErrors);
    },
    cache: verdicts === undefined ? undefined : (outcome) => verdicts.counter(METRICS.verdictCache, outcome),
  };
  if (when === "on-use") return instruments;
  for (const outcome of OUTCOMES) instruments.outcome(outcome);
  for (const outcome of CACHE_OUTCOMES) instruments.cache?.(outcome);
  // a copy has values where the original asks
  return { ...instruments };
}

/** Series under common first labels, each bound once. A last label is asked for of one counter only. */
class Series {
  readonly #metrics: Metrics;
  readonly #labels: readonly string[];
  readonly #counters = new Map<string, Counter>();
  readonly #histograms = new Map<MetricDefinition, Histogram>();

  constructor(metrics: Metrics, labels: readonly string[]) {
    this.#metrics = metrics;
    this.#labels = labels;
  }

  counter(definition: MetricDefinition, last?: string): Counter {
    const id = last ?? definition.name;
    const known = this.#counters.get(id);
    if (known !== undefined) return known;
    const made = this.#metrics.counter(definition, last === undefined ? this.#labels : [...this.#labels, last]);
    this.#counters.set(id, made);
    return made;
  }

  histogram(definition: MetricDefinition): Histogram {
    const known = this.#histograms.get(definition);
    if (known !== undefined) return known;
    const made = this.#metrics.histogram(definition, this.#labels);
    this.#histograms.set(definition, made);
    return made;
  }
}
