import { describe, expect, it } from "vitest";
import type { HealthPlan } from "../../../../../src/model/upstream-plan.ts";
import { err } from "../../../../../src/model/result.ts";
import { answers, FakeEndpoints, fails } from "../../../../support/fake-endpoints.ts";
import { turn } from "../../../../support/turn.ts";

const HEALTH: HealthPlan = {
  path: "/healthz",
  host: undefined,
  intervalMs: 10_000,
  timeoutMs: 2_000,
  healthy: 2,
  unhealthy: 3,
  statuses: [],
};

/** Lets time pass in steps, with what each brings about. */
async function pass(scene: FakeEndpoints, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    scene.clock.advance(500);
    await turn();
  }
}

describe("health checks", () => {
  it("take an endpoint out of service that fails three in a row, and bring it back after two", async () => {
    await using scene = open(["a", "b"]);
    await pass(scene, 20_000);
    expect(scene.log.events).toEqual([]);
    scene.scripts.set("a", answers(500));
    await pass(scene, 30_000);
    expect(scene.log.lines).toMatchObject([
      {
        level: "warn",
        event: "endpoint_down",
        fields: { upstream: "orders", endpoint: "http://10.0.0.1", endpoint_index: 0, reason: "status 500" },
      },
    ]);
    expect(await scene.sendMany(6)).toEqual(["b", "b", "b", "b", "b", "b"]);
    expect(await scene.metrics.expose()).toContain('sallyport_upstream_endpoint_out{upstream="orders",endpoint="0"} 1\n');
    scene.scripts.delete("a");
    await pass(scene, 20_000);
    expect(scene.log.events).toEqual(["endpoint_down", "endpoint_up"]);
    expect(new Set(await scene.sendMany(6))).toEqual(new Set(["a", "b"]));
  });

  it("ask with a GET of the path, to the endpoint's own host or the one they are told", async () => {
    for (const [host, expected] of [
      [undefined, "10.0.0.1"],
      ["orders.internal", "orders.internal"],
    ] as const) {
      await using scene = open(["a"], { host });
      const seen: string[] = [];
      scene.scripts.set("a", (attempt) => {
        seen.push(`${attempt.request.method} ${attempt.request.requestTarget} ${attempt.request.headers.first("host")}`);
        return answers(200)(attempt);
      });
      await pass(scene, 1_000);
      expect(seen).toEqual([`GET /healthz ${expected}`]);
    }
  });

  it("take the statuses they are told for well, and no other", async () => {
    await using scene = open(["a", "b"], { statuses: [401] });
    scene.scripts.set("a", answers(401));
    await pass(scene, 40_000);
    expect(scene.log.lines.map(({ fields }) => fields["endpoint"])).toEqual(["http://10.0.0.2"]);
  });

  it("give up on an answer that takes too long, and never have two of an endpoint under way", async () => {
    await using scene = open(["a", "b"]);
    let atOnce = 0;
    scene.scripts.set("a", ({ cancel }) => {
      atOnce += 1;
      expect(atOnce).toBe(1);
      return new Promise((resolve) =>
        cancel.onAbort(() => {
          atOnce -= 1;
          resolve(err({ problem: "upstream_unreachable", cause: "cancelled", kind: "other" }));
        }),
      );
    });
    await pass(scene, 60_000);
    expect(scene.log.lines.map(({ fields }) => fields["reason"])).toEqual(["no answer within 2000 ms"]);
  });

  it("do not close an upstream nobody stands in for", async () => {
    await using scene = open(["a", "b"]);
    for (const letter of ["a", "b"]) scene.scripts.set(letter, answers(404));
    await pass(scene, 60_000);
    expect(scene.log.events).toEqual(["endpoint_down", "endpoint_down"]);
    expect(new Set(await scene.sendMany(6))).toEqual(new Set(["a", "b"]));
  });

  it("do not keep a try from an upstream nobody stands in for, once it is back", async () => {
    await using scene = open(["a"]);
    scene.scripts.set("a", fails("connect"));
    await pass(scene, 60_000);
    for (let i = 0; i < 6; i += 1) await scene.send();
    expect(scene.log.events).toEqual(["endpoint_down", "breaker_opened"]);
    // the check asks for what is not there
    scene.scripts.set("a", (attempt) => answers(attempt.request.requestTarget === "/healthz" ? 404 : 200)(attempt));
    await pass(scene, 1_000);
    expect(await scene.send()).toBe(200);
  });

  it("close one that has a fallback", async () => {
    await using scene = open(["a"], {}, true);
    scene.scripts.set("a", fails("connect"));
    await pass(scene, 60_000);
    expect(await scene.send()).toBe("upstream_unreachable");
  });

  it("end with the upstream, and leave nothing behind", async () => {
    const scene = open(["a", "b"]);
    scene.scripts.set("a", answers(500));
    await pass(scene, 40_000);
    await scene[Symbol.asyncDispose]();
    expect(scene.clock.pending).toBe(0);
    expect(await scene.metrics.expose()).toContain('sallyport_upstream_endpoint_out{upstream="orders",endpoint="0"} 0\n');
  });
});

function open(
  letters: readonly string[],
  choice: Partial<HealthPlan> = {},
  hasFallback = false,
): FakeEndpoints & AsyncDisposable {
  const scene = new FakeEndpoints(letters, { health: { ...HEALTH, ...choice }, hasFallback });
  return Object.assign(scene, { [Symbol.asyncDispose]: () => scene.upstream[Symbol.asyncDispose]() });
}
