import { describe, expect, it } from "vitest";
import { isMetricsSnapshot, sumOfTotals, textOfAll, withoutZeros } from "../../../../src/adapters/telemetry/metrics-snapshot.ts";
import { prometheusMetrics } from "../../../../src/adapters/telemetry/prometheus-metrics.ts";
import { METRICS } from "../../../../src/model/metrics-table.ts";

/** The metrics of a worker that answered so many requests, and has so many under way. */
function worker(requests: number, inFlight: number, isOpen = 0) {
  const metrics = prometheusMetrics();
  metrics.counter(METRICS.requests, ["all", "2xx"]).add(requests);
  for (let count = 0; count < requests; count += 1) metrics.histogram(METRICS.requestDuration, ["all"]).observe(0.002);
  metrics.gauge(METRICS.inFlight, []).set(inFlight);
  metrics.gauge(METRICS.breakerOpen, ["scripted", "grpcs://a:1"]).set(isOpen);
  return metrics;
}

describe("the metrics of several processes", () => {
  it("are those of one: what is counted is added up, an open breaker anywhere is one", async () => {
    const own = prometheusMetrics();
    own.gauge(METRICS.workersServing, []).set(2);
    const snapshots = await Promise.all([worker(3, 1), worker(4, 2, 1)].map((each) => each.snapshot()));
    const text = await textOfAll(await own.snapshot(), structuredClone(snapshots));
    expect(text.split("\n")).toEqual(
      expect.arrayContaining([
        'sallyport_requests_total{route="all",status_class="2xx"} 7',
        'sallyport_request_duration_seconds_bucket{route="all",le="0.001"} 0',
        'sallyport_request_duration_seconds_bucket{route="all",le="0.0025"} 7',
        'sallyport_request_duration_seconds_bucket{route="all",le="+Inf"} 7',
        'sallyport_request_duration_seconds_count{route="all"} 7',
        "sallyport_in_flight_exchanges 3",
        'sallyport_interceptor_breaker_open{interceptor="scripted",endpoint="grpcs://a:1"} 1',
        "sallyport_workers_serving 2",
        "# TYPE sallyport_requests_total counter",
      ]),
    );
  });

  it("of workers that are gone are only what grows", async () => {
    const gone = await sumOfTotals(await Promise.all([worker(3, 1).snapshot(), worker(4, 2).snapshot()]));
    const text = await textOfAll([], [gone, await worker(1, 5).snapshot()]);
    expect(text).toContain('sallyport_requests_total{route="all",status_class="2xx"} 8');
    expect(text).toContain("sallyport_in_flight_exchanges 5");
    expect(await sumOfTotals([])).toEqual([]);
  });

  it("need not say what is 0: it stands in the text of the process that has the same series", async () => {
    const own = prometheusMetrics();
    own.counter(METRICS.requests, ["all", "5xx"]);
    own.histogram(METRICS.requestDuration, ["all"]);
    const busy = await worker(2, 0).snapshot();
    const lean = withoutZeros(busy);
    const count = (snapshot: typeof busy): number => snapshot.flatMap(({ values }) => values).length;
    expect(count(lean)).toBeLessThan(count(busy));
    const sorted = (text: string): readonly string[] => text.split("\n").toSorted();
    expect(sorted(await textOfAll(await own.snapshot(), [lean]))).toEqual(sorted(await textOfAll(await own.snapshot(), [busy])));
    expect(await textOfAll(await own.snapshot(), [lean])).toContain('sallyport_requests_total{route="all",status_class="5xx"} 0');
  });

  it("have the start of the process that is asked, and no quantiles, which do not add up", async () => {
    const own = prometheusMetrics({ processMetrics: true });
    const snapshot = await own.snapshot();
    expect(isMetricsSnapshot(structuredClone(snapshot))).toBe(true);
    const text = await textOfAll(snapshot, [snapshot]);
    expect(text).toMatch(/^process_start_time_seconds \d+$/m);
    expect(text).not.toContain("quantile=");
  });

  it.each([undefined, {}, [1], [{ name: "x" }], [{ name: "x", help: "", type: "gauge", aggregator: "worst", values: [] }]])(
    "are not taken from what has not their shape: %j",
    (value) => expect(isMetricsSnapshot(value)).toBe(false),
  );
});
