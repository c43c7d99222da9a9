import { expect, it } from "vitest";
import { prometheusMetrics } from "../../../src/adapters/telemetry/prometheus-metrics.ts";
import { shedRecorder } from "../../../src/app/record-shed.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLog } from "../../support/memory-log.ts";

it("counts every request that is shed, and writes one line a second about all of them", async () => {
  const [clock, log, metrics] = [new FakeClock(), new MemoryLog(), prometheusMetrics({ processMetrics: false })];
  const record = shedRecorder({ clock, log, metrics, underWay: () => 7 });
  record("public", "listener_full");
  for (let index = 0; index < 500; index += 1) record("public", index % 5 === 0 ? "gateway_full" : "listener_full");
  expect(log.lines).toEqual([{ level: "warn", event: "requests_shed", fields: { listener_full: 1, under_way: 7 } }]);
  clock.advance(1_000);
  expect(log.lines[1]?.fields).toEqual({ listener_full: 400, gateway_full: 100, under_way: 7 });
  clock.advance(5_000);
  expect([log.lines.length, clock.pending]).toEqual([2, 0]);
  record("public", "heap");
  expect(log.lines[2]?.fields).toEqual({ heap: 1, under_way: 7 });
  const text = await metrics.expose();
  expect(text).toContain('sallyport_shed_total{listener="public",reason="listener_full"} 401');
  expect(text).toContain('sallyport_problems_total{code="gateway_overloaded",source="gateway"} 502');
  expect(text).toContain('sallyport_requests_total{route="",status_class="5xx"} 502');
});
