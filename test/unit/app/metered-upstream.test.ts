import { describe, expect, it } from "vitest";
import { meteredUpstream } from "../../../src/app/metered-upstream.ts";
import { prometheusMetrics } from "../../../src/adapters/telemetry/prometheus-metrics.ts";
import { CancelSource } from "../../../src/model/cancel.ts";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { err, ok } from "../../../src/model/result.ts";
import type { Upstream } from "../../../src/ports/upstream.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const REQUEST = { method: "GET", requestTarget: "/", headers: HeaderLines.EMPTY, body: undefined };

/** An upstream that takes 40 ms for the given answer, and what is measured of it. */
function metered(answer: Awaited<ReturnType<Upstream["send"]>>, more: Partial<Upstream> = {}) {
  const clock = new FakeClock();
  const metrics = prometheusMetrics();
  let disposed = 0;
  const upstream = meteredUpstream(
    {
      async send() {
        clock.advance(40);
        return answer;
      },
      async [Symbol.asyncDispose]() {
        disposed += 1;
      },
      ...more,
    },
    { name: "orders", metrics, clock },
  );
  return { upstream, exposed: () => metrics.expose(), disposed: () => disposed };
}

describe("a metered upstream", () => {
  it("measures every call, answers as the upstream does, and closes it", async () => {
    const answer = ok({ status: 200, headers: HeaderLines.EMPTY, body: undefined });
    const { upstream, exposed, disposed } = metered(answer);
    expect(await upstream.send(REQUEST, new CancelSource())).toBe(answer);
    expect(await exposed()).toContain('sallyport_upstream_duration_seconds_sum{upstream="orders"} 0.04\n');
    await upstream[Symbol.asyncDispose]();
    expect(disposed()).toBe(1);
  });

  it("counts failures by code, and measures them too", async () => {
    const { upstream, exposed } = metered(err({ problem: "upstream_timeout", cause: "first byte" }));
    await upstream.send(REQUEST, new CancelSource());
    const text = await exposed();
    expect(text).toContain('sallyport_upstream_failures_total{upstream="orders",code="upstream_timeout"} 1\n');
    expect(text).toContain('sallyport_upstream_duration_seconds_count{upstream="orders"} 1\n');
  });

  it.each([
    ["the client gave up", "upstream_unreachable", true],
    ["the client's body was to blame", "bad_request", false],
  ] as const)("blames nobody where %s", async (_what, problem, aborted) => {
    const { upstream, exposed } = metered(err({ problem, cause: "" }));
    const cancel = new CancelSource();
    if (aborted) cancel.abort();
    await upstream.send(REQUEST, cancel);
    expect(await exposed()).not.toMatch(/sallyport_upstream_failures_total\{.*\} [1-9]/);
  });

  it("says what its upstream holds, and counts where there is no place for it", async () => {
    const full = err({ problem: "upstream_overloaded", cause: "full" } as const);
    const holding = { maxBytes: 7, reserve: () => full };
    const { upstream, exposed } = metered(full, { holds: () => holding, reserve: () => full });
    const held = upstream.holds?.(REQUEST);
    expect(held?.maxBytes).toBe(7);
    expect(held?.reserve()).toBe(full);
    expect(await exposed()).toContain('sallyport_upstream_failures_total{upstream="orders",code="upstream_overloaded"} 1\n');
    expect(metered(full).upstream.holds?.(REQUEST)).toBeUndefined();
  });
});
