import { describe, expect, it } from "vitest";
import { prometheusMetrics } from "../../../src/adapters/telemetry/prometheus-metrics.ts";
import { reviewInstruments, routeInstruments } from "../../../src/app/instruments.ts";
import { bindingPlan } from "../../support/binding-plan.ts";

const cache = { maxTtlMs: 1, maxNegativeTtlMs: 1, maxEntries: 1, shared: false, revocable: false };
const series = async (metrics: ReturnType<typeof prometheusMetrics>): Promise<readonly string[]> =>
  (await metrics.expose()).split("\n").filter((line) => /^sallyport_.*_(total|count)\{/.test(line));

describe("instruments", () => {
  it("are shown at zero from the start where they are bound at once", async () => {
    const metrics = prometheusMetrics();
    routeInstruments(metrics, "orders", "now");
    reviewInstruments(metrics, bindingPlan({ interceptor: "svc", id: "b", cache }), "now");
    const lines = await series(metrics);
    // five classes and two distributions; eight outcomes, four counters, a distribution and three of the cache
    expect(lines).toHaveLength(7 + 16);
    expect(lines.every((line) => line.endsWith(" 0"))).toBe(true);
  });

  it("take no label set before they are used where they are bound on use, and one then", async () => {
    const metrics = prometheusMetrics();
    const route = routeInstruments(metrics, "orders", "on-use");
    const review = reviewInstruments(metrics, bindingPlan({ interceptor: "svc", id: "b", cache }), "on-use");
    expect(await series(metrics)).toEqual([]);
    for (let each = 0; each < 2; each += 1) {
      route.request("2xx").add();
      route.overhead.observe(1);
      review.outcome("deny").add();
      review.failOpen.add();
      review.cache?.("hit").add();
    }
    expect(await series(metrics)).toEqual([
      'sallyport_requests_total{route="orders",status_class="2xx"} 2',
      'sallyport_overhead_duration_seconds_count{route="orders"} 2',
      expect.stringMatching(/^sallyport_reviews_total\{.*outcome="deny"\} 2$/),
      expect.stringMatching(/^sallyport_review_fail_open_total\{.*\} 2$/),
      expect.stringMatching(/^sallyport_verdict_cache_total\{.*outcome="hit"\} 2$/),
    ]);
  });
});
