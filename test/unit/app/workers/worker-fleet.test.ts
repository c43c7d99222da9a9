import { describe, expect, it } from "vitest";
import { prometheusMetrics } from "../../../../src/adapters/telemetry/prometheus-metrics.ts";
import { WorkerFleet } from "../../../../src/app/workers/worker-fleet.ts";
import { METRICS } from "../../../../src/model/metrics-table.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { FakeWorkers, type FakeWorker } from "../../../support/fake-workers.ts";
import { MemoryLog } from "../../../support/memory-log.ts";
import { turn } from "../../../support/turn.ts";

/** What a fake worker answers; a test replaces what it is about. */
interface Script {
  start(worker: FakeWorker): Promise<unknown>;
  swap(worker: FakeWorker): Promise<unknown>;
  revoke(worker: FakeWorker): Promise<unknown>;
  look(worker: FakeWorker): Promise<unknown>;
}

function fleetOf(changes: Partial<Script> = {}, count = 2) {
  const clock = new FakeClock();
  const log = new MemoryLog();
  const metrics = prometheusMetrics();
  const state = { revision: "r1" };
  const served = new Map<FakeWorker, string>();
  const script: Script = {
    start: async (worker) => {
      served.set(worker, state.revision);
      return [{ name: "public", scheme: "http", host: "127.0.0.1", port: 8080 }];
    },
    swap: async (worker) => {
      served.set(worker, state.revision);
      return state.revision;
    },
    revoke: () => Promise.resolve(3),
    look: (worker) => Promise.resolve({ revision: served.get(worker) ?? "", clients: [] }),
    ...changes,
  };
  const requests = new Map<FakeWorker, number>();
  const processes = new FakeWorkers(clock, (worker) => {
    worker.link.answer("start", () => script.start(worker));
    worker.link.answer("swap", () => script.swap(worker));
    worker.link.answer("revoke", () => script.revoke(worker));
    worker.link.answer("look", () => script.look(worker));
    const own = prometheusMetrics();
    worker.link.answer("metrics", () => {
      own.counter(METRICS.requests, ["all", "2xx"]).add(requests.get(worker) ?? 0);
      requests.delete(worker);
      return own.snapshot();
    });
    worker.link.answer("drain", () => own.snapshot());
    worker.link.answer("end", () => Promise.resolve(queueMicrotask(() => worker.crash())));
  });
  const fleet = new WorkerFleet({
    count,
    processes,
    clock,
    log,
    metrics,
    startOf: (worker) => ({ worker, workers: count, version: "0", level: "info", jwks: { keys: [] }, snapshot: {} }),
    jwks: () => ({ keys: [] }),
    drainMs: () => 1_000,
    answer: () => {},
  });
  const total = async (): Promise<number> => {
    const snapshots = await fleet.metrics();
    return snapshots
      .flat()
      .filter(({ name }) => name === METRICS.requests.name)
      .flatMap(({ values }) => values)
      .reduce((sum, { value }) => sum + value, 0);
  };
  return { clock, log, fleet, state, script, total, requests, workers: processes.started };
}

const exits = (log: MemoryLog): readonly string[] => log.events.filter((event) => event === "worker_exited");

describe("the workers of a gateway (C37)", () => {
  it("all serve before it is up", async () => {
    const { fleet, log } = fleetOf();
    expect(await fleet.start()).toMatchObject({ ok: true, value: [{ name: "public", port: 8080 }] });
    expect(fleet.standing("r1")).toEqual({ serving: [1, 2], others: [] });
    expect(log.events).toEqual(["worker_started", "worker_started"]);
  });

  it("do not come up where one of them does not; none is left", async () => {
    const { fleet, workers } = fleetOf({
      start: ({ worker }) => (worker === 2 ? Promise.reject(new Error("no port")) : Promise.resolve([])),
    });
    expect(await fleet.start()).toEqual({ ok: false, error: "no port" });
    expect(workers.map(({ isGone }) => isGone)).toEqual([true, true]);
  });

  it("are told of a new plan before the swap is over", async () => {
    const { fleet, state } = fleetOf();
    await fleet.start();
    state.revision = "r2";
    expect(fleet.standing("r2").serving).toEqual([]);
    await fleet.swap({});
    expect(fleet.standing("r2").serving).toEqual([1, 2]);
  });

  it("are ended where they do not confirm a plan in time, and their successors begin with it", async () => {
    const { fleet, state, clock, log, workers, script } = fleetOf();
    await fleet.start();
    state.revision = "r2";
    const { swap } = script;
    script.swap = (worker) => (worker.pid === 101 ? new Promise(() => {}) : swap(worker));
    const swapped = fleet.swap({});
    // step by step: those that live are looked at meanwhile, and answer
    for (let second = 0; second < 30; second += 1) {
      await turn();
      clock.advance(1_000);
    }
    await swapped;
    await turn();
    expect([workers[1]?.isGone, workers.length]).toEqual([true, 3]);
    expect(log.events).toContain("worker_not_swapped");
    expect(fleet.standing("r2")).toEqual({ serving: [1, 2], others: [] });
  });

  it("are rolled one after the other, each behind a successor that serves; a call that comes meanwhile shares the roll", async () => {
    const { fleet, log, workers } = fleetOf();
    await fleet.start();
    const [one, other] = [fleet.roll(), fleet.roll()];
    expect(await one).toEqual({ replaced: [1, 2], kept: [] });
    expect(await other).toBe(await one);
    expect(workers.map(({ worker, isGone }) => [worker, isGone])).toEqual([
      [1, true],
      [2, true],
      [1, false],
      [2, false],
    ]);
    expect(log.events.slice(2)).toEqual(["worker_leaving", "worker_started", "worker_leaving", "worker_started"]);
  });

  it("stay where no successor begins", async () => {
    const { fleet, script, workers } = fleetOf();
    await fleet.start();
    const { start } = script;
    script.start = (worker) => (worker.worker === 1 ? Promise.reject(new Error("no room")) : start(worker));
    expect(await fleet.roll()).toEqual({ replaced: [2], kept: [1] });
    expect(workers[0]?.isGone).toBe(false);
    expect(fleet.servingCount).toBe(2);
  });

  it("have all forgotten before a revoke is answered; one that does not confirm is gone, with all it kept", async () => {
    const { fleet, clock, workers, script } = fleetOf();
    await fleet.start();
    expect(await fleet.revoke("scripted", ["a"])).toBe(6);
    script.revoke = ({ pid }) => (pid === 100 ? new Promise(() => {}) : Promise.resolve(2));
    const revoked = fleet.revoke("scripted", ["a"]);
    await turn();
    clock.advance(5_000);
    expect(await revoked).toBe(2);
    expect(workers[0]?.isGone).toBe(true);
  });

  it("are replaced when they die: at once, then after pauses that double, and anew once one has lasted", async () => {
    const { fleet, clock, log, workers } = fleetOf({}, 1);
    await fleet.start();
    const crash = async (): Promise<void> => {
      workers.at(-1)?.crash();
      await turn();
    };
    await crash();
    expect(workers).toHaveLength(2);
    for (const pauseMs of [100, 200, 400]) {
      const before = workers.length;
      await crash();
      expect(fleet.servingCount).toBe(0);
      clock.advance(pauseMs - 1);
      expect(workers).toHaveLength(before);
      clock.advance(1);
      await turn();
      expect([workers.length, fleet.servingCount]).toEqual([before + 1, 1]);
    }
    clock.advance(30_000);
    await crash();
    expect(workers).toHaveLength(6);
    expect(exits(log)).toHaveLength(5);
  });

  it("are ended and replaced where they say nothing for long", async () => {
    const { fleet, clock, log, workers, script } = fleetOf({}, 1);
    await fleet.start();
    const { look } = script;
    script.look = (worker) => (worker.pid === 100 ? new Promise(() => {}) : look(worker));
    clock.advance(1_000);
    await turn();
    clock.advance(10_000);
    await turn();
    expect([workers[0]?.isGone, workers.length]).toEqual([true, 2]);
    expect(log.events).toContain("worker_hung");
  });

  it("that wish to leave have a successor first, and then finish", async () => {
    const { fleet, log, workers } = fleetOf({}, 1);
    await fleet.start();
    await workers[0]?.link.ask("leave", null, 1_000);
    await turn();
    await turn();
    expect([workers[0]?.isGone, workers[1]?.isGone, fleet.servingCount]).toEqual([true, false, 1]);
    expect(log.events).toEqual(["worker_started", "worker_leaving", "worker_started"]);
  });

  it("never make a total fall, however many die", async () => {
    const { fleet, clock, requests, total, workers } = fleetOf({}, 1);
    await fleet.start();
    let expected = 0;
    for (let round = 1; round <= 12; round += 1) {
      const worker = workers.at(-1);
      if (worker === undefined) throw new Error("there is one");
      requests.set(worker, round);
      expected += round;
      expect(await total()).toBe(expected);
      // while it dies it is asked for twice
      const meanwhile = [total(), total()];
      worker.crash();
      expect(await Promise.all(meanwhile)).toEqual([expected, expected]);
      await turn();
      clock.advance(5_000);
      await turn();
      expect(await total()).toBe(expected);
    }
  });

  it("all finish and are gone when it drains, and none is replaced", async () => {
    const { fleet, workers } = fleetOf();
    await fleet.start();
    await fleet.drain(1_000);
    await turn();
    expect(workers.map(({ isGone }) => isGone)).toEqual([true, true]);
  });
});
