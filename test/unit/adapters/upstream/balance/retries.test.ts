import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CancelSource } from "../../../../../src/model/cancel.ts";
import type { RetryPlan } from "../../../../../src/model/upstream-plan.ts";
import { RetryBudget } from "../../../../../src/support/retry-budget.ts";
import { bytesOf, HandStream } from "../../../../support/byte-flow.ts";
import { answers, FakeEndpoints, fails, type Answering } from "../../../../support/fake-endpoints.ts";
import { turn } from "../../../../support/turn.ts";
import { requestTo, TIMEOUTS } from "../../../../support/upstream.ts";

const NEVER_GIVEN_UP = { failures: 0, windowMs: 1, openMs: 1, longestOpenMs: 1, maxPercent: 0 };

const retrying = (choice: Partial<RetryPlan> = {}): { readonly retry: RetryPlan; readonly breaker: typeof NEVER_GIVEN_UP } => ({
  retry: {
    attempts: 3,
    on: ["connect", "reset", "timeout"],
    statuses: [503],
    backoffMs: 100,
    budget: { percent: 20, min: 3 },
    ...choice,
  },
  breaker: NEVER_GIVEN_UP,
});

describe("a request that could not be sent", () => {
  it.each(["GET", "POST", "PATCH"])("goes to another endpoint at once, %s too: nothing of it was sent", async (method) => {
    const scene = new FakeEndpoints(["a", "b"], retrying());
    scene.scripts.set("a", fails("connect"));
    expect(await scene.send(requestTo(method))).toBe(200);
    expect(scene.asked).toEqual(["a", "b"]);
    expect(await scene.metrics.expose()).toContain('sallyport_upstream_retries_total{upstream="orders",outcome="sent"} 1\n');
  });

  it("takes its body along that nobody began to read", async () => {
    const scene = new FakeEndpoints(["a", "b"], retrying());
    const body = new HandStream();
    scene.scripts.set("a", fails("connect")).set("b", ({ request }) => {
      expect(request.body).toMatchObject({ begun: false });
      if (request.body !== undefined && "pipe" in request.body) request.body.pipe({ write: () => true, end() {}, fail() {} });
      return answers(200)({ request, cancel: new CancelSource(), totalDueMs: undefined });
    });
    expect(await scene.send(requestTo("POST", "/", body))).toBe(200);
    expect(body.sink).toBeDefined();
    expect(body.discarded).toBe(false);
  });

  it("gives its body up when no endpoint is left", async () => {
    const scene = new FakeEndpoints(["a", "b"], retrying());
    scene.scripts.set("a", fails("connect")).set("b", fails("connect"));
    const body = new HandStream();
    expect(await scene.send(requestTo("POST", "/", body))).toBe("upstream_unreachable");
    expect(scene.asked).toEqual(["a", "b"]);
    expect(body.discarded).toBe(true);
  });

  it("is not sent to the same endpoint again: that is not there", async () => {
    const scene = new FakeEndpoints(["a"], retrying());
    scene.scripts.set("a", fails("connect"));
    expect(await scene.send()).toBe("upstream_unreachable");
    expect(scene.asked).toEqual(["a"]);
  });
});

describe("a request that was sent", () => {
  const broken: readonly (readonly [string, Answering, number | string])[] = [
    ["the connection broke", fails("broken"), "upstream_invalid_response"],
    ["no answer came in time", fails("slow"), "upstream_invalid_response"],
    ["the answer was a listed status", answers(503), 503],
  ];

  it.each(broken)("is sent again where %s, if doing it twice is doing it once", async (_name, script) => {
    for (const request of [requestTo("GET"), requestTo("PUT", "/", bytesOf("{}")), requestTo("DELETE")]) {
      const scene = new FakeEndpoints(["a", "b"], retrying());
      scene.scripts.set("a", script);
      expect(await scene.send(request)).toBe(200);
      expect(scene.asked).toEqual(["a", "b"]);
    }
  });

  it.each(broken)("is never sent again where %s, if it might do it twice or its body has gone", async (_name, script, seen) => {
    for (const request of [requestTo("POST"), requestTo("PATCH", "/", bytesOf("{}")), requestTo("PUT", "/", new HandStream())]) {
      const scene = new FakeEndpoints(["a", "b"], retrying());
      scene.scripts.set("a", script);
      expect(await scene.send(request)).toBe(seen);
      expect(scene.asked).toEqual(["a"]);
    }
  });

  it("is never sent again where it asked for another protocol, which may have been changed to; not sent, it goes to another endpoint", async () => {
    for (const [script, asked] of [
      ...broken.map(([, each]) => [each, ["a"]] as const),
      [fails("connect"), ["a", "b"]] as const,
    ]) {
      const scene = new FakeEndpoints(["a", "b"], retrying());
      scene.scripts.set("a", script);
      await scene.send({ ...requestTo("GET"), upgrade: "websocket" });
      expect(scene.asked).toEqual(asked);
    }
  });

  it("is not sent again for reasons the operator did not name", async () => {
    for (const script of [fails("broken"), fails("slow"), answers(503)]) {
      const scene = new FakeEndpoints(["a", "b"], retrying({ on: ["connect"], statuses: [] }));
      scene.scripts.set("a", script);
      await scene.send();
      expect(scene.asked).toEqual(["a"]);
    }
  });

  it("waits before it meets the same endpoint again, longer each time", async () => {
    const scene = new FakeEndpoints(["a"], retrying());
    scene.scripts.set("a", fails("broken"));
    const answer = scene.send();
    const waits: number[] = [];
    for (const count of [2, 3]) {
      let ms = 0;
      for (; scene.asked.length < count; ms += 5) {
        await turn();
        if (scene.asked.length < count) scene.clock.advance(5);
      }
      waits.push(ms);
    }
    expect(await answer).toBe("upstream_invalid_response");
    // three quarters of 100 and 200 ms, by the random number of the test
    expect(waits[0]).toBeGreaterThanOrEqual(75);
    expect(waits[0]).toBeLessThan(90);
    expect(waits[1]).toBeGreaterThanOrEqual(150);
    expect(waits[1]).toBeLessThan(165);
  });

  it("is given up while it waits when the client leaves, or there is no time left", async () => {
    const scene = new FakeEndpoints(["a"], { ...retrying(), timeouts: { ...TIMEOUTS, totalMs: 50 } });
    scene.scripts.set("a", fails("broken"));
    expect(await scene.send()).toBe("upstream_invalid_response");
    expect(scene.asked).toEqual(["a"]);
    const patient = new FakeEndpoints(["a"], retrying());
    patient.scripts.set("a", fails("broken"));
    const cancel = new CancelSource();
    const answer = patient.send(requestTo("GET"), cancel);
    await turn();
    cancel.abort();
    expect(await answer).toBe("upstream_invalid_response");
    expect(patient.asked).toEqual(["a"]);
    expect(patient.clock.pending).toBe(0);
  });

  it("shares one total timeout with its repeats", async () => {
    const scene = new FakeEndpoints(["a", "b"], { ...retrying(), timeouts: { ...TIMEOUTS, totalMs: 1_000 } });
    const due: (number | undefined)[] = [];
    scene.scripts.set("a", (attempt) => {
      due.push(attempt.totalDueMs);
      scene.clock.advance(400);
      return fails("broken")(attempt);
    });
    scene.scripts.set("b", (attempt) => {
      due.push(attempt.totalDueMs);
      return answers(200)(attempt);
    });
    expect(await scene.send()).toBe(200);
    expect(due).toEqual([undefined, 1_000]);
  });

  it("keeps the last answer where no repeat may follow", async () => {
    const scene = new FakeEndpoints(["a"], retrying({ budget: { percent: 0, min: 0 } }));
    scene.scripts.set("a", answers(503));
    expect(await scene.send()).toBe(503);
    expect(await scene.metrics.expose()).toContain('sallyport_upstream_retries_total{upstream="orders",outcome="refused"} 1\n');
  });
});

describe("the retry budget", () => {
  it("is never exceeded: a fifth of what is under way, or the least that is always allowed (R14)", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 100 }),
        fc.nat(10),
        fc.array(fc.tuple(fc.boolean(), fc.nat(500)), { maxLength: 300 }),
        (percent, min, events) => {
          const budget = new RetryBudget({ percent, min });
          let taken = 0;
          for (const [takes, active] of events) {
            const most = Math.max(min, Math.floor((active * percent) / 100));
            if (takes && budget.take(active)) {
              taken += 1;
              expect(taken).toBeLessThanOrEqual(most);
            } else if (takes) expect(taken).toBeGreaterThanOrEqual(most);
            else if (taken > 0) {
              budget.give();
              taken -= 1;
            }
            expect(budget.underWay).toBe(taken);
          }
        },
      ),
    );
  });

  it("holds an upstream that fails every request to a fifth more work (R14)", async () => {
    const scene = new FakeEndpoints(["a"], { ...retrying({ backoffMs: 0, attempts: 2 }), maxRequests: 1_000 });
    let atOnce = 0;
    let retries = 0;
    let most = 0;
    scene.scripts.set("a", async (attempt) => {
      atOnce += 1;
      await turn();
      most = Math.max(most, atOnce);
      atOnce -= 1;
      return fails("broken")(attempt);
    });
    await Promise.all(Array.from({ length: 100 }, () => scene.send()));
    retries = scene.asked.length - 100;
    // as the first attempts end all in one turn, what is under way when repeats begin is fewer and fewer
    expect(retries).toBeLessThanOrEqual(20);
    expect(retries).toBeGreaterThanOrEqual(3);
    expect(most).toBe(100);
  });
});
