import { describe, expect, it } from "vitest";
import { prometheusMetrics } from "../../../src/adapters/telemetry/prometheus-metrics.ts";
import { buildGeneration } from "../../../src/app/generations.ts";
import { OpenEventStreams } from "../../../src/app/open-event-streams.ts";
import { ResourcePool } from "../../../src/app/resource-pool.ts";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { configOf, minimal } from "../../support/config-text.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { ok } from "../../../src/model/result.ts";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { fixedIds } from "../../support/fixed-ids.ts";
import { MemoryLog } from "../../support/memory-log.ts";

describe("a generation", () => {
  it("that retires closes its upstreams, but for those that open streams still hold (C36)", async () => {
    const pool = new ResourcePool();
    const built = await buildGeneration(
      await configOf(minimal()),
      {
        acquire: {
          client: () => Promise.reject(new Error("there is no interceptor")),
          upstream: async ({ name }) => ok(pool.acquire(name, () => new FakeUpstream())),
        },
        resources: {
          metrics: prometheusMetrics(),
          clock: new FakeClock(),
          ids: fixedIds(),
          eventStreams: new OpenEventStreams(new FakeClock()),
        },
        log: new MemoryLog(),
      },
      { before: undefined },
    );
    if (!built.ok) throw new Error(built.error.kind);
    const { plan, retire } = built.value.generation;
    const head = {
      method: "GET",
      scheme: "http",
      host: "api.example",
      path: "/v1/orders/1",
      query: undefined,
      headers: HeaderLines.EMPTY,
    } as const;
    const match = plan.match("public", head, new Map());
    if (match.kind !== "matched") throw new Error(match.kind);
    const letGo = match.route.holdUpstream();
    await retire();
    expect(pool.size).toBe(1);
    letGo();
    letGo();
    expect(pool.size).toBe(0);
    expect(() => match.route.holdUpstream()).toThrow("cannot be shared");
  });
});
