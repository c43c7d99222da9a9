import { Counter, Gauge, Histogram, type Aggregator, type Registry } from "@prometheus-io/client";
import type { MetricDefinition } from "../../model/metrics-table.ts";

/** Most label sets of one metric: routes and bindings of many reloads fit, a mistake with client input does not. */
export const MAX_SERIES = 10_000;

/**
 * The library's bound children build a key and look it up on every call. These metrics keep one object per label set, made when
 * the set is bound, and hand their values over when somebody reads: a request costs an addition. They replace only the
 * documented `get()` (and, for histograms, its twin for the text format).
 */
type Labels = Readonly<Record<string, string>>;

/** What a reader of the registry is given for one line. */
interface Sample {
  readonly labels: Record<string, string>;
  readonly value: number;
  readonly metricName?: string;
}

/** One number under one label set. */
class Cell {
  value = 0;

  add(amount = 1): void {
    // a negative or broken amount is a bug of the caller; a counter that shrinks or turns NaN would hide everything else
    if (amount > 0 && Number.isFinite(amount)) this.value += amount;
  }

  set(value: number): void {
    this.value = value;
  }
}

/** One distribution under one label set; `counts` has one entry per bucket and one for what lies above. */
class Distribution {
  readonly #bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    if (!Number.isFinite(value)) return;
    let bucket = 0;
    while (value > (this.#bounds[bucket] ?? Infinity)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sum += value;
  }
}

/** Label sets and what was bound to them. Equal labels give the same series: a reload goes on counting. */
class SeriesSet<S> {
  readonly #series = new Map<string, { readonly labels: Labels; readonly series: S }>();
  readonly #definition: MetricDefinition;
  readonly #make: () => S;

  constructor(definition: MetricDefinition, make: () => S) {
    this.#definition = definition;
    this.#make = make;
  }

  /** Undefined beyond MAX_SERIES. */
  bind(values: readonly string[]): S | undefined {
    const { labels: names, name } = this.#definition;
    if (values.length !== names.length)
      throw new TypeError(`metric ${name} has the labels ${names.join(", ")}, given ${values.length}`);
    const id = JSON.stringify(values);
    const known = this.#series.get(id);
    if (known !== undefined) return known.series;
    if (this.#series.size >= MAX_SERIES) return undefined;
    const series = this.#make();
    this.#series.set(id, { labels: Object.fromEntries(names.map((label, i) => [label, values[i] ?? ""])), series });
    return series;
  }

  samples(toSamples: (series: S, labels: Labels) => readonly Sample[]): Sample[] {
    return [...this.#series.values()].flatMap(({ labels, series }) => toSamples(series, labels));
  }
}

/** What the registry reads of one metric. */
function snapshot(definition: MetricDefinition, aggregator: Aggregator, values: Sample[]) {
  return Promise.resolve({
    name: definition.name,
    help: definition.help,
    type: definition.kind,
    aggregator,
    collect: () => {},
    values,
  });
}

const libraryOptions = ({ name, help, labels }: MetricDefinition, registry: Registry) => ({
  name,
  help,
  labelNames: [...labels],
  registers: [registry],
});

const cellSample = (cell: Cell, labels: Labels): Sample[] => [{ labels: { ...labels }, value: cell.value }];

/** A counter with prepared label sets. */
export class SeriesCounter extends Counter<string> {
  readonly #definition: MetricDefinition;
  readonly #set: SeriesSet<Cell>;

  constructor(definition: MetricDefinition, registry: Registry) {
    super(libraryOptions(definition, registry));
    this.#definition = definition;
    this.#set = new SeriesSet(definition, () => new Cell());
  }

  bind(values: readonly string[]): Cell | undefined {
    return this.#set.bind(values);
  }

  override get() {
    return snapshot(this.#definition, "sum", this.#set.samples(cellSample));
  }
}

/** A gauge with prepared label sets. */
export class SeriesGauge extends Gauge<string> {
  readonly #definition: MetricDefinition;
  readonly #set: SeriesSet<Cell>;

  constructor(definition: MetricDefinition, registry: Registry) {
    super(libraryOptions(definition, registry));
    this.#definition = definition;
    this.#set = new SeriesSet(definition, () => new Cell());
  }

  bind(values: readonly string[]): Cell | undefined {
    return this.#set.bind(values);
  }

  override get() {
    return snapshot(this.#definition, this.#definition.overWorkers ?? "sum", this.#set.samples(cellSample));
  }
}

/** A histogram with prepared label sets. */
export class SeriesHistogram extends Histogram<string> {
  readonly #definition: MetricDefinition;
  readonly #bounds: readonly number[];
  readonly #set: SeriesSet<Distribution>;

  constructor(definition: MetricDefinition, registry: Registry) {
    const bounds = definition.buckets;
    if (bounds === undefined) throw new TypeError(`histogram ${definition.name} has no buckets`);
    super({ ...libraryOptions(definition, registry), buckets: [...bounds] });
    this.#definition = definition;
    this.#bounds = bounds;
    this.#set = new SeriesSet(definition, () => new Distribution(bounds));
  }

  bind(values: readonly string[]): Distribution | undefined {
    return this.#set.bind(values);
  }

  override get() {
    return snapshot(
      this.#definition,
      "sum",
      this.#set.samples((series, labels) => this.#samples(series, labels)),
    );
  }

  /** The registry asks this instead of `get` when it writes text. */
  getForPromString() {
    return this.get();
  }

  #samples(series: Distribution, labels: Labels): Sample[] {
    const { name } = this.#definition;
    let count = 0;
    const buckets = series.counts.map((inBucket, i) => {
      count += inBucket;
      return { labels: { ...labels, le: String(this.#bounds[i] ?? "+Inf") }, value: count, metricName: `${name}_bucket` };
    });
    return [
      ...buckets,
      { labels: { ...labels }, value: series.sum, metricName: `${name}_sum` },
      { labels: { ...labels }, value: count, metricName: `${name}_count` },
    ];
  }
}
