import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CancelSource } from "../../../../../src/model/cancel.ts";
import { answers, FakeEndpoints, fails, letterOf } from "../../../../support/fake-endpoints.ts";
import { requestTo } from "../../../../support/upstream.ts";

const once = { attempts: 1, on: [], statuses: [], backoffMs: 0, budget: { percent: 0, min: 0 } } as const;

describe("an endpoint that fails", () => {
  it.each([
    ["cannot be connected to", fails("connect")],
    ["breaks its connections", fails("broken")],
    ["does not answer in time", fails("slow")],
    ["answers 503", answers(503)],
  ])("is given up after five times in a row when it %s, and told of in one line", async (_name, script) => {
    const scene = new FakeEndpoints(["a", "b"], { retry: once });
    scene.scripts.set("a", script);
    await scene.sendMany(10);
    expect(await scene.sendMany(20)).not.toContain("a");
    expect(scene.log.events).toEqual(["breaker_opened"]);
    expect(scene.log.lines[0]?.fields).toMatchObject({
      upstream: "orders",
      endpoint: "http://10.0.0.1",
      endpoint_index: 0,
      open_ms: 30_000,
    });
    const exposed = await scene.metrics.expose();
    expect(exposed).toContain('sallyport_upstream_endpoint_out{upstream="orders",endpoint="0"} 1\n');
    expect(exposed).toContain('sallyport_upstream_endpoint_out{upstream="orders",endpoint="1"} 0\n');
    expect(exposed).toContain('sallyport_upstream_ejections_total{upstream="orders",endpoint="0"} 1\n');
  });

  it.each([
    ["an error of the application", answers(500)],
    ["what the client did", fails("other")],
  ])("is not blamed for %s", async (_name, script) => {
    const scene = new FakeEndpoints(["a", "b"], { retry: once });
    scene.scripts.set("a", script);
    await scene.sendMany(40);
    expect(scene.log.events).toEqual([]);
  });

  it("is kept while its failures are further apart than the window, or a success is between them", async () => {
    const scene = new FakeEndpoints(["a", "b"], { retry: once });
    scene.scripts.set("a", fails("broken"));
    for (let i = 0; i < 20; i += 1) {
      await scene.sendMany(2);
      scene.clock.advance(2_600);
    }
    expect(scene.log.events).toEqual([]);
    scene.clock.advance(10_000);
    for (let i = 0; i < 20; i += 1) {
      scene.scripts.set("a", i % 5 === 4 ? answers(200) : fails("broken"));
      await scene.sendMany(2);
    }
    expect(scene.log.events).toEqual([]);
  });

  it("gets one request after its pause, longer each time that fails, and is back when that is answered", async () => {
    const scene = new FakeEndpoints(["a", "b"], { retry: once });
    scene.scripts.set("a", fails("connect"));
    await scene.sendMany(10);
    for (const pauseMs of [30_000, 60_000, 120_000, 240_000, 300_000, 300_000]) {
      scene.clock.advance(pauseMs - 1);
      expect(await scene.sendMany(10)).not.toContain("a");
      scene.clock.advance(1);
      expect((await scene.sendMany(10)).filter((letter) => letter === "a")).toHaveLength(1);
    }
    scene.scripts.set("a", answers(200));
    scene.clock.advance(300_000);
    const back = await scene.sendMany(11);
    expect(back.filter((letter) => letter === "a").length).toBeGreaterThanOrEqual(5);
    expect(scene.log.events).toEqual(["breaker_opened", "breaker_closed"]);
    expect(await scene.metrics.expose()).toContain('sallyport_upstream_endpoint_out{upstream="orders",endpoint="0"} 0\n');
  });

  it("is not what a repeat tries: that goes to who is well", async () => {
    const scene = new FakeEndpoints(["a", "b", "c"]);
    scene.scripts.set("a", fails("connect"));
    await scene.sendMany(15);
    expect(scene.log.events).toEqual(["breaker_opened"]);
    scene.clock.advance(30_000);
    scene.scripts.set("b", fails("connect"));
    // the first request tries a, and its repeat meets b or c
    const asked = await scene.sendMany(1);
    expect(asked[0]).toBe("a");
    scene.clock.advance(120_000);
    scene.scripts.delete("a");
    await scene.send();
    expect(scene.log.events).toEqual(["breaker_opened", "breaker_closed"]);
  });

  it("is one of half of them at most: the others are asked although they fail too", async () => {
    const scene = new FakeEndpoints(["a", "b", "c", "d"], { retry: once });
    for (const letter of ["a", "b", "c", "d"]) scene.scripts.set(letter, answers(503));
    await scene.sendMany(100);
    expect(scene.log.events).toEqual(["breaker_opened", "breaker_opened"]);
    expect(new Set(await scene.sendMany(20)).size).toBe(2);
  });

  it("is replaced by those of the next priority, and takes over again when it is back", async () => {
    const scene = new FakeEndpoints(
      [
        { url: "http://a", weight: 1, priority: 0 },
        { url: "http://b", weight: 1, priority: 1 },
      ],
      { retry: once },
    );
    expect(new Set(await scene.sendMany(5))).toEqual(new Set(["a"]));
    scene.scripts.set("a", fails("connect"));
    await scene.sendMany(5);
    expect(new Set(await scene.sendMany(5))).toEqual(new Set(["b"]));
    scene.scripts.delete("a");
    scene.clock.advance(30_000);
    expect(new Set(await scene.sendMany(5))).toEqual(new Set(["a"]));
  });

  it("is never asked within its pause while others live, whatever happens", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 6 }),
        fc.array(fc.tuple(fc.nat(5), fc.constantFrom("well", "connect", "broken", "slow"), fc.nat(4_000)), { maxLength: 60 }),
        async (count, events) => {
          const letters = Array.from({ length: count }, (_, index) => String.fromCharCode(97 + index));
          const scene = new FakeEndpoints(letters, { retry: once });
          for (const [which, kind, pauseMs] of events) {
            const letter = letters[which % count] ?? "a";
            scene.scripts.set(letter, kind === "well" ? answers(200) : fails(kind));
            scene.clock.advance(pauseMs);
            for (let i = 0; i < count; i += 1) {
              const out = givenUp(scene);
              const [asked] = await scene.sendMany(1);
              // somebody is in service: nobody who was given up, at most 60 times 4 s minus his pause ago, is asked before 30 s
              if (out.size < count && out.has(asked ?? ""))
                expect(scene.clock.nowMs() - (out.get(asked ?? "") ?? 0)).toBeGreaterThanOrEqual(30_000);
            }
          }
        },
      ),
      { numRuns: 200 },
    ));
});

/** Who is given up now, by letter, and since when. */
function givenUp(scene: FakeEndpoints): Map<string, number> {
  const out = new Map<string, number>();
  for (const [at, { event, fields }] of scene.log.lines.entries()) {
    const letter = letterOf(fields["endpoint"]);
    if (event === "breaker_opened") out.set(letter, scene.toldAtMs[at] ?? 0);
    else out.delete(letter);
  }
  return out;
}

describe("an upstream nobody stands in for", () => {
  it("is not given up for what clients could bring about", async () => {
    const scene = new FakeEndpoints(["a"], { retry: once });
    scene.scripts.set("a", fails("broken"));
    expect(await scene.sendMany(50)).toHaveLength(50);
    scene.scripts.set("a", answers(503));
    expect(await scene.sendMany(50)).toHaveLength(50);
    expect(scene.log.events).toEqual([]);
  });

  it("is given up when it cannot be connected to, and found again within a second", async () => {
    const scene = new FakeEndpoints(["a", "b"], { retry: once });
    scene.scripts.set("a", fails("connect")).set("b", fails("connect"));
    await scene.sendMany(20);
    expect(scene.log.events).toEqual(["breaker_opened", "breaker_opened"]);
    expect(await scene.sendMany(100)).toEqual([]);
    expect(await scene.send()).toBe("upstream_unreachable");
    const asked = scene.asked.length;
    for (let ms = 0; ms < 60_000; ms += 50) {
      await scene.sendMany(5);
      scene.clock.advance(50);
    }
    // one try a second for each once its pauses are longest
    expect(scene.asked.length - asked).toBeLessThan(140);
    scene.scripts.clear();
    scene.clock.advance(1_000);
    expect(await scene.send()).toBe(200);
  });

  it("leaves alone whom a fallback stands in for, for the whole pause", async () => {
    const scene = new FakeEndpoints(["a"], { retry: once, hasFallback: true });
    scene.scripts.set("a", answers(503));
    await scene.sendMany(5);
    expect(scene.log.events).toEqual(["breaker_opened"]);
    scene.clock.advance(29_999);
    expect(await scene.sendMany(5)).toEqual([]);
    scene.clock.advance(1);
    expect(await scene.sendMany(5)).toEqual(["a"]);
  });

  it("takes no more requests at once than it is allowed to, over all endpoints", async () => {
    const scene = new FakeEndpoints(["a", "b"], { maxRequests: 3, retry: once });
    const waiting = Promise.withResolvers<ReturnType<ReturnType<typeof answers>>>();
    for (const letter of ["a", "b"]) scene.scripts.set(letter, async () => waiting.promise);
    const sent = Array.from({ length: 3 }, () => scene.send());
    expect(await scene.upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({
      error: { problem: "upstream_overloaded", mayBeSentElsewhere: true },
    });
    waiting.resolve(await answers(200)({ request: requestTo("GET"), cancel: new CancelSource(), totalDueMs: undefined }));
    expect(await Promise.all(sent)).toEqual([200, 200, 200]);
  });
});
