import { Registry, type Aggregator } from "@prometheus-io/client";

/** One metric as it stood at a moment; plain data. */
export interface SnapshotMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** How the values of several processes become one; `omit`: not at all. */
  readonly aggregator: Aggregator;
  readonly values: readonly {
    readonly labels: Readonly<Record<string, string | number | undefined>>;
    readonly value: number;
    readonly metricName?: string;
  }[];
}

/** The metrics of a process at a moment, fit to be sent to another. */
export type MetricsSnapshot = readonly SnapshotMetric[];

/** What a registry holds now, without summaries: quantiles of several processes do not add up. */
export async function snapshotOf(registry: Registry): Promise<MetricsSnapshot> {
  const metrics = await registry.getMetricsAsJSON();
  return metrics.flatMap(({ name, help, type, aggregator, values }) =>
    type === "summary" ? [] : [{ name, help, type, aggregator, values }],
  );
}

/**
 * Without what counts nothing: most series of a large plan do. For a process beside one that has the same series, in whose text they
 * stand with what is added up.
 */
export const withoutZeros = (snapshot: MetricsSnapshot): MetricsSnapshot =>
  snapshot.map((metric) =>
    metric.type === "gauge" ? metric : { ...metric, values: metric.values.filter(({ value }) => value !== 0) },
  );

/** Whether it is one, told by its shape; for what comes from another process. */
export const isMetricsSnapshot = (value: unknown): value is MetricsSnapshot => Array.isArray(value) && value.every(isMetric);

function isMetric(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (!("name" in value) || !("help" in value) || !("type" in value) || !("aggregator" in value) || !("values" in value))
    return false;
  const { name, help, type, aggregator, values } = value;
  return (
    typeof name === "string" &&
    typeof help === "string" &&
    TYPES.has(type) &&
    AGGREGATORS.has(aggregator) &&
    Array.isArray(values) &&
    values.every(isValue)
  );
}

const TYPES: ReadonlySet<unknown> = new Set(["counter", "gauge", "histogram"]);
const AGGREGATORS: ReadonlySet<unknown> = new Set(["omit", "sum", "first", "min", "max", "average"]);

const isValue = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  "value" in value &&
  typeof value.value === "number" &&
  "labels" in value &&
  typeof value.labels === "object";

/**
 * The metrics of several processes as those of one: `own` is this process, whose start is the start of all. What the others would have
 * to leave out of a sum is left out of theirs.
 */
export function textOfAll(own: MetricsSnapshot, others: readonly MetricsSnapshot[]): Promise<string> {
  const ours = own.map((metric) => (metric.aggregator === "omit" ? { ...metric, aggregator: "first" as const } : metric));
  const theirs = others.map((snapshot) => snapshot.filter(({ aggregator }) => aggregator !== "omit"));
  return Registry.aggregate([ours, ...theirs]).metrics();
}

/** What only grows, added up; what a process that is gone stood at counts no more. Keeps totals from falling when a worker is replaced. */
export function sumOfTotals(snapshots: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  const totals = snapshots.map((snapshot) => snapshot.filter(({ type }) => type === "counter" || type === "histogram"));
  return snapshotOf(Registry.aggregate(totals));
}
