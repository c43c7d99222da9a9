import { describe, expect, it } from "vitest";
import { prometheusMetrics } from "../../../../src/adapters/telemetry/prometheus-metrics.ts";
import { MAX_SERIES } from "../../../../src/adapters/telemetry/prometheus-series.ts";
import { METRICS } from "../../../../src/model/metrics-table.ts";

describe("metrics as text", () => {
  it("show a counter under its labels, escaped", async () => {
    const metrics = prometheusMetrics();
    metrics.counter(METRICS.requests, ['a"b\\c\n', "2xx"]).add();
    metrics.counter(METRICS.requests, ['a"b\\c\n', "2xx"]).add(2);
    expect(await metrics.expose()).toContain('sallyport_requests_total{route="a\\"b\\\\c\\n",status_class="2xx"} 3\n');
  });

  it("show a bound counter as zero before anything happened, and nothing that was never bound", async () => {
    const metrics = prometheusMetrics();
    metrics.counter(METRICS.configReload, ["rejected"]);
    const text = await metrics.expose();
    expect(text).toContain('sallyport_config_reload_total{result="rejected"} 0');
    expect(text).not.toContain(METRICS.requests.name);
  });

  it("show a histogram cumulatively, a value on a bound inside it, with sum and count", async () => {
    const metrics = prometheusMetrics();
    const definition = { kind: "histogram", name: "sallyport_x_seconds", help: "x", labels: ["route"], buckets: [1, 2] } as const;
    const histogram = metrics.histogram(definition, ["r"]);
    for (const value of [0.5, 1, 2, 7]) histogram.observe(value);
    const lines = (await metrics.expose()).split("\n").filter((line) => line.startsWith("sallyport"));
    expect(lines).toEqual([
      'sallyport_x_seconds_bucket{route="r",le="1"} 2',
      'sallyport_x_seconds_bucket{route="r",le="2"} 3',
      'sallyport_x_seconds_bucket{route="r",le="+Inf"} 4',
      'sallyport_x_seconds_sum{route="r"} 10.5',
      'sallyport_x_seconds_count{route="r"} 4',
    ]);
  });

  it("show the last value of a gauge", async () => {
    const metrics = prometheusMetrics();
    const gauge = metrics.gauge(METRICS.ready, ["config"]);
    gauge.set(1);
    gauge.set(0);
    expect(await metrics.expose()).toContain('sallyport_ready{check="config"} 0');
  });

  it("are every gateway's own", async () => {
    const [one, other] = [prometheusMetrics(), prometheusMetrics()];
    one.counter(METRICS.logDropped, []).add();
    expect(await other.expose()).not.toContain(METRICS.logDropped.name);
  });

  it("include the process's only when asked", async () => {
    expect(await prometheusMetrics({ processMetrics: true }).expose()).toContain("process_cpu_seconds_total");
    expect(await prometheusMetrics().expose()).not.toContain("process_cpu_seconds_total");
  });
});

describe("a refused value", () => {
  it("changes nothing: a counter never shrinks, no sum turns NaN", async () => {
    const metrics = prometheusMetrics();
    const counter = metrics.counter(METRICS.logDropped, []);
    for (const amount of [5, -1, Number.NaN, Infinity]) counter.add(amount);
    const histogram = metrics.histogram(METRICS.requestDuration, ["r"]);
    for (const value of [Number.NaN, Infinity]) histogram.observe(value);
    const text = await metrics.expose();
    expect(text).toContain("sallyport_log_dropped_total 5\n");
    expect(text).toContain('sallyport_request_duration_seconds_count{route="r"} 0');
  });

  it("is a label set of the wrong length: a bug that speaks up", () => {
    expect(() => prometheusMetrics().counter(METRICS.requests, ["r"])).toThrow("sallyport_requests_total");
  });

  it("is a label set beyond the bound: counted, not kept", async () => {
    const metrics = prometheusMetrics();
    for (let i = 0; i <= MAX_SERIES; i += 1) metrics.gauge(METRICS.ready, [String(i)]).set(1);
    const text = await metrics.expose();
    expect(text).toContain("sallyport_metric_series_dropped_total 1\n");
    expect(text).not.toContain(`check="${MAX_SERIES}"`);
  });
});

describe("the table of metrics", () => {
  it.each(Object.entries(METRICS))("names %s by the conventions", (_, row) => {
    expect(row.name).toMatch(/^sallyport_[a-z_]+$/);
    expect(row.name.endsWith("_total")).toBe(row.kind === "counter");
    expect("buckets" in row).toBe(row.kind === "histogram");
    if (row.kind === "histogram") expect(row.name).toMatch(/_(seconds|bytes)$/);
    expect(row.help).toMatch(/\.$/);
  });

  it("gives no name twice", () => {
    const names = Object.values(METRICS).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
