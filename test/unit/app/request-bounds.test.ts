import { describe, expect, it } from "vitest";
import { RequestBounds } from "../../../src/app/request-bounds.ts";
import type { GatewayConfig } from "../../../src/config/gateway-config.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { LISTENER_LIMITS } from "../../support/inbound.ts";
import { MemoryLog } from "../../support/memory-log.ts";

const listener = (name: string, maxRequests: number): GatewayConfig["listeners"][number] => ({
  name,
  address: { host: "127.0.0.1", port: 0 },
  tls: undefined,
  serves: [],
  codec: "node",
  limits: { ...LISTENER_LIMITS, maxRequests },
});

function bounds(overload: GatewayConfig["overload"], clock = new FakeClock()) {
  const log = new MemoryLog();
  const shed: string[] = [];
  const metrics = {
    counter: (_definition: unknown, labels: readonly string[]) => ({ add: () => void shed.push(labels.join("/")) }),
    gauge: () => ({ set() {} }),
    histogram: () => ({ observe() {} }),
  };
  const keeper = new RequestBounds({ overload, listeners: [listener("a", 2), listener("b", 10)] }, { clock, log, metrics });
  const enter = (name: string): string => {
    keeper.begun(name);
    const refusal = keeper.refusal(name);
    if (refusal !== undefined) keeper.over(name);
    return refusal?.problem ?? "in";
  };
  return { keeper, clock, log, shed, enter };
}

describe("the bounds of requests under way", () => {
  it("hold for each listener by itself, and a place that became free is taken", () => {
    const { keeper, enter, shed } = bounds({ maxRequests: 100, loopDelayMs: undefined });
    expect(["a", "a", "a", "b"].map(enter)).toEqual(["in", "in", "gateway_overloaded", "in"]);
    expect(shed).toEqual(["a/listener"]);
    keeper.over("a");
    expect(enter("a")).toBe("in");
  });

  it("hold for all listeners together, also one that was opened later", () => {
    const { enter, shed } = bounds({ maxRequests: 3, loopDelayMs: undefined });
    expect(["a", "b", "later", "later", "b"].map(enter)).toEqual(["in", "in", "in", "gateway_overloaded", "gateway_overloaded"]);
    expect(shed).toEqual(["later/requests", "b/requests"]);
  });

  it("are told once in ten seconds, with how many there were", () => {
    const { enter, clock, log } = bounds({ maxRequests: 1, loopDelayMs: undefined });
    for (let sent = 0; sent < 50; sent += 1) enter("a");
    clock.advance(10_000);
    enter("a");
    const told = log.lines.filter(({ event }) => event === "requests_shed").map(({ fields }) => fields["count"]);
    expect(told).toEqual([1, 49]);
  });

  it("close the door while the event loop stays behind, and not for one long turn", () => {
    const late = new LateClock();
    const { keeper, enter } = bounds({ maxRequests: 100, loopDelayMs: 50 }, late);
    late.turn(2_000);
    expect(enter("b")).toBe("in");
    for (let turns = 0; turns < 5; turns += 1) late.turn(60);
    expect(enter("b")).toBe("gateway_overloaded");
    late.turn(10);
    expect(enter("b")).toBe("in");
    keeper[Symbol.dispose]();
    expect(late.waiting).toBeUndefined();
  });
});

/** Runs its one timer as late as it is told. */
class LateClock extends FakeClock {
  waiting: { readonly delayMs: number; readonly task: () => void } | undefined;

  override after(delayMs: number, task: () => void): () => void {
    const timer = { delayMs, task };
    this.waiting = timer;
    return () => {
      if (this.waiting === timer) this.waiting = undefined;
    };
  }

  turn(lateMs: number): void {
    const { delayMs = 0, task } = this.waiting ?? {};
    this.advance(delayMs + lateMs);
    task?.();
  }
}
