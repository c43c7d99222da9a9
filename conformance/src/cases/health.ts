import { SERVICE } from "@sallyport/contract/wire.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { ensure, fail, quoted } from "../finding.ts";
import { encodeHealthRequest, HEALTH, readHealthStatus, SERVING } from "../health-message.ts";
import type { Probe } from "../probe.ts";
import { STATUS, statusName } from "../status-name.ts";

const UNKNOWN_SERVICE = "not.of.this.Service";

/** `grpc.health.v1`, as the gRPC project describes it. */
export const HEALTH_CASES: readonly ConformanceCase[] = [
  {
    name: "health-check-server",
    rule: "§7.1",
    requires: "grpc.health.v1 Check for the empty name answers SERVING",
    run: (probe) => checkIsServing(probe, ""),
  },
  {
    name: "health-check-service",
    rule: "§7.1",
    requires: `grpc.health.v1 Check for ${SERVICE} answers SERVING`,
    run: (probe) => checkIsServing(probe, SERVICE),
  },
  {
    name: "health-check-unknown",
    rule: "§7.1",
    requires: "grpc.health.v1 Check for a service it does not have is NOT_FOUND",
    async run(probe) {
      const answer = await probe.main.call(HEALTH.check, encodeHealthRequest(UNKNOWN_SERVICE), { withinMs: 5_000 });
      if (answer.kind === "reply") return fail(`Check of an unknown service answers status ${readHealthStatus(answer.bytes)}`);
      ensure(answer.code === STATUS.NOT_FOUND, `Check of an unknown service is ${statusName(answer.code)}`);
    },
  },
  {
    name: "health-watch-server",
    rule: "§7.1",
    requires: "grpc.health.v1 Watch for the empty name streams SERVING and stays open, or is UNIMPLEMENTED",
    run: (probe) => watchIsServing(probe, ""),
  },
  {
    name: "health-watch-service",
    rule: "§7.1",
    requires: `grpc.health.v1 Watch for ${SERVICE} streams SERVING and stays open, or is UNIMPLEMENTED`,
    run: (probe) => watchIsServing(probe, SERVICE),
  },
  {
    name: "health-watch-unknown",
    rule: "§7.1",
    requires: "grpc.health.v1 Watch for a service it does not have streams SERVICE_UNKNOWN, or is NOT_FOUND or UNIMPLEMENTED",
    async run(probe) {
      using stream = probe.main.stream(HEALTH.watch, encodeHealthRequest(UNKNOWN_SERVICE), { withinMs: 10_000 });
      const event = await stream.next(3_000);
      if (event.kind === "quiet") return fail("Watch of an unknown service says nothing for 3 s");
      if (event.kind === "ended") {
        const isRefused = event.code === STATUS.NOT_FOUND || event.code === STATUS.UNIMPLEMENTED;
        return ensure(isRefused, `Watch of an unknown service ends with ${statusName(event.code)}`);
      }
      const status = readHealthStatus(event.bytes);
      ensure(status === SERVING.serviceUnknown, `Watch of an unknown service says status ${status}`);
    },
  },
  {
    name: "health-watch-cancelled",
    rule: "§7.1",
    requires: "30 health watches that are opened and cancelled leave the service answering",
    async run(probe) {
      for (const _ of [1, 2, 3]) {
        const streams = Array.from({ length: 10 }, () =>
          probe.main.stream(HEALTH.watch, encodeHealthRequest(""), { withinMs: 10_000 }),
        );
        await Promise.all(streams.map((stream) => stream.next(2_000)));
        for (const stream of streams) stream.cancel();
      }
      await checkIsServing(probe, "");
      await probe.stillServes("health watches that were cancelled");
    },
  },
  {
    name: "health-under-load",
    rule: "§7.1",
    requires: "grpc.health.v1 Check answers SERVING while 100 reviews run",
    maxMs: 60_000,
    async run(probe) {
      const [binding] = await probe.bindings();
      if (binding === undefined) return;
      const reviews = Promise.all(
        Array.from({ length: 100 }, () => probe.reviewSample(binding, "typical", { withinMs: 30_000 })),
      );
      await checkIsServing(probe, "");
      await reviews;
    },
  },
];

async function checkIsServing(probe: Probe, service: string): Promise<void> {
  const answer = await probe.main.call(HEALTH.check, encodeHealthRequest(service), { withinMs: 5_000 });
  if (answer.kind === "status")
    return fail(`Check of ${quoted(service)} ends with ${statusName(answer.code)}: ${quoted(answer.details)}`);
  const status = readHealthStatus(answer.bytes);
  ensure(status === SERVING.serving, `Check of ${quoted(service)} answers status ${status}`);
}

async function watchIsServing(probe: Probe, service: string): Promise<string> {
  using stream = probe.main.stream(HEALTH.watch, encodeHealthRequest(service), { withinMs: 10_000 });
  const first = await stream.next(3_000);
  if (first.kind === "quiet") return fail(`Watch of ${quoted(service)} says nothing for 3 s`);
  if (first.kind === "ended") {
    if (first.code === STATUS.UNIMPLEMENTED) return "UNIMPLEMENTED";
    return fail(`Watch of ${quoted(service)} ends with ${statusName(first.code)}`);
  }
  const status = readHealthStatus(first.bytes);
  ensure(status === SERVING.serving, `Watch of ${quoted(service)} says status ${status}`);
  const next = await stream.next(300);
  if (next.kind === "ended") fail(`Watch of ${quoted(service)} ends with ${statusName(next.code)} while the service is serving`);
  return "a stream";
}
