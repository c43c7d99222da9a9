import { writeFile, readFile } from "node:fs/promises";
import type { CachePolicy } from "@sallyport/contract/verdict.ts";
import { allow, binding, defineInterceptor } from "@sallyport/interceptors-sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import { startGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor } from "../support/start-interceptor.ts";
import { startUpstream } from "../support/start-upstream.ts";
import { verdict } from "../support/test-interceptor.ts";
import { ask, exchangeLine, reviewsOf, type Answered } from "./support/ask.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { readMetrics } from "./support/metrics.ts";
import { denying, patching, type Answers, type Declares } from "./support/scripted.ts";
import { watched, type Watched, type WatchedOptions } from "./support/watched.ts";

const CHECK: Declares = { id: "check", phase: "pre-route", mode: "mutate", needs: ["/request/path"], cacheable: true };
const TOKEN = "a-token-of-some-length";
const BINDING = { interceptor: "scripted", binding: "check", phase: "pre-route" };

/** Allows, for so long. */
const allowFor =
  (cache: CachePolicy): Answers =>
  ({ reviewId }) =>
    verdict({ kind: "allow", patches: [], annotations: [], warnings: [], cache }, reviewId);

async function start(options: Partial<WatchedOptions> = {}): Promise<Watched> {
  const place = await watched({
    declares: [CHECK],
    answers: allowFor({ ttlMs: 60_000, tags: ["plan"] }),
    interceptor: { bindings: [{ id: "check", phase: "pre-route", mode: "mutate" }], cache: {} },
    ...options,
  });
  onTestFinished(() => place[Symbol.asyncDispose]());
  await place.watching(place.service.watch === "offered" ? 1 : 0);
  return place;
}

const get = ({ gateway }: Watched, path: string, headers: Parameters<typeof ask>[1]["headers"] = []): Promise<Answered> =>
  ask(gateway, { path, headers });

/** Asks one path after another; how many reviews the service saw for each. */
async function seen(place: Watched, ...paths: string[]): Promise<readonly number[]> {
  const counts = [];
  for (const path of paths) {
    const before = place.reviews.length;
    await get(place, path);
    counts.push(place.reviews.length - before);
  }
  return counts;
}

const revokeByAdmin = ({ gateway }: Watched, body: unknown): Promise<Response> =>
  fetch(`${gateway.adminUrl}/admin/revoke`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.adminToken}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });

describe("the verdict cache (C34)", () => {
  it("asks once for equal views, says so in the log, and counts", async () => {
    const place = await start();
    expect(await seen(place, "/all/a", "/all/a", "/all/b", "/all/a")).toEqual([1, 0, 1, 0]);
    const line = await exchangeLine(place.gateway, await get(place, "/all/a"));
    expect(reviewsOf(line)).toMatchObject([{ binding: "scripted/check", verdict: "allow", cached: true }]);
    const metric = await readMetrics(place.gateway);
    expect(metric("sallyport_verdict_cache_total", { ...BINDING, outcome: "hit" })).toBe(3);
    expect(metric("sallyport_verdict_cache_total", { ...BINDING, outcome: "miss" })).toBe(2);
    expect(metric("sallyport_verdict_cache_entries", { interceptor: "scripted" })).toBe(2);
    const first = await exchangeLine(place.gateway, await get(place, "/all/c"));
    expect(reviewsOf(first)[0]).not.toHaveProperty("cached");
  });

  it("applies a kept patch to each exchange anew", async () => {
    const place = await start({
      declares: [{ ...CHECK, writes: ["/request/headers/x-plan"] }],
      answers: ({ reviewId }) =>
        patching(reviewId, [{ op: "add", path: "/request/headers/x-plan", value: "gold" }], {
          cache: { ttlMs: 60_000, tags: [] },
        } as object),
    });
    for (const cached of [undefined, true]) {
      const line = await exchangeLine(place.gateway, await get(place, "/all/a"));
      expect(reviewsOf(line)).toMatchObject([{ verdict: "allow", patches: 1 }]);
      expect(line["reviews"]).toMatchObject([cached === undefined ? {} : { cached }]);
    }
    expect(place.reviews).toHaveLength(1);
  });

  it("keeps a denial too, for as long as denials may be kept", async () => {
    const place = await start({
      answers: ({ reviewId }) => denying(reviewId, { cache: { ttlMs: 60_000, tags: [] } }),
      interceptor: { bindings: [{ id: "check", phase: "pre-route", mode: "mutate" }], cache: { max_negative_ttl: "1s" } },
    });
    expect((await get(place, "/all/a")).status).toBe(403);
    expect((await get(place, "/all/a")).status).toBe(403);
    expect(place.reviews).toHaveLength(1);
    const until = performance.now() + 1_050;
    while (performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await seen(place, "/all/a")).toEqual([1]);
  });

  it("asks again once the time of an allow is over", async () => {
    const place = await start({ answers: allowFor({ ttlMs: 200, tags: [] }) });
    await get(place, "/all/a");
    const until = performance.now() + 250;
    while (performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await seen(place, "/all/a")).toEqual([1]);
  });

  it.each<[string, Partial<WatchedOptions>]>([
    ["failures", { answers: () => ({ kind: "status", code: 8 }) }],
    ["verdicts that do not ask for it", { answers: ({ reviewId }) => patching(reviewId, []) }],
    ["a binding that does not declare it", { declares: [{ ...CHECK, cacheable: false }] }],
    [
      "a binding without the operator's word",
      { interceptor: { bindings: [{ id: "check", phase: "pre-route", mode: "mutate" }] } },
    ],
    ["a service that counts", { manifest: { stateScope: 3 } }],
    [
      "an observer",
      {
        declares: [{ ...CHECK, mode: "observe" }],
        interceptor: { bindings: [{ id: "check", phase: "pre-route", mode: "observe" }], cache: {} },
      },
    ],
    [
      "a binding that is shown a secret",
      {
        declares: [{ ...CHECK, needs: ["/request/path", "/request/headers/authorization"] }],
        interceptor: {
          bindings: [{ id: "check", phase: "pre-route", mode: "mutate", expose: ["/request/headers/authorization"] }],
          cache: {},
        },
      },
    ],
  ])("never keeps %s", async (_what, options) => {
    const place = await start(options);
    await get(place, "/all/a");
    await get(place, "/all/a");
    await expect.poll(() => place.reviews.length).toBe(2);
  });

  it("asks once for equal questions at the same time", async () => {
    const place = await start({
      answers: (request, call) => ({
        kind: "later",
        afterMs: 150,
        reply: allowFor({ ttlMs: 60_000, tags: [] })(request, call) as Extract<ReturnType<Answers>, { kind: string }>,
      }),
    });
    const answers = await Promise.all(Array.from({ length: 20 }, () => get(place, "/all/a")));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(place.reviews).toHaveLength(1);
    const metric = await readMetrics(place.gateway);
    const counted = (outcome: string): number => metric("sallyport_verdict_cache_total", { ...BINDING, outcome });
    expect(counted("shared")).toBeGreaterThan(0);
    // one that was slow to come found it kept
    expect(counted("shared") + counted("hit")).toBe(19);
  });

  describe("whose verdicts", () => {
    const twoUsers = (shared: boolean): Partial<WatchedOptions> => ({
      interceptor: { bindings: [{ id: "check", phase: "pre-route", mode: "mutate" }], cache: { shared } },
      sections: {
        routes: [openRoute("all", { authenticate: ["alice", "bob"] })],
        authenticators: Object.fromEntries(
          ["alice", "bob"].map((id) => [
            id,
            { type: "static-token", slots: [`header/x-${id}`], token_file: `${id}.token`, principal: { id } },
          ]),
        ),
      },
      files: { "alice.token": TOKEN, "bob.token": TOKEN },
    });
    const as = (who: string): Parameters<typeof ask>[1]["headers"] => [[`x-${who}`, TOKEN]];

    it.each([
      [false, 2],
      [true, 1],
    ])("are whose where `shared` is %s", async (shared, reviews) => {
      const place = await start(twoUsers(shared));
      for (const who of ["alice", "bob", "alice"]) expect((await get(place, "/all/a", as(who))).status).toBe(200);
      expect(place.reviews).toHaveLength(reviews);
    });
  });

  describe("what is revoked", () => {
    it("by the admin API is forgotten when the answer comes: the next request is a miss", async () => {
      const place = await start();
      await seen(place, "/all/a", "/all/b");
      const answer = await revokeByAdmin(place, { interceptor: "scripted", tags: ["other", "plan"] });
      expect([answer.status, await answer.json()]).toEqual([
        200,
        { interceptor: "scripted", tags: ["other", "plan"], forgotten: 2 },
      ]);
      expect(await seen(place, "/all/a", "/all/a", "/all/b")).toEqual([1, 0, 1]);
    });

    it.each([
      [404, { interceptor: "nobody", tags: ["plan"] }],
      [400, { interceptor: "scripted", tags: [] }],
      [400, { interceptor: "scripted" }],
      [400, { interceptor: "scripted", tags: ["x".repeat(257)] }],
    ])("by the admin API is answered %s where it cannot be", async (status, body) => {
      const answer = await revokeByAdmin(await start(), body);
      expect(answer.status).toBe(status);
      expect(answer.headers.get("content-type")).toContain("application/problem+json");
    });

    it("by Watch is forgotten; other tags stay", async () => {
      const place = await start();
      await seen(place, "/all/a");
      place.revoke("other");
      await place.gateway.lineWhere(({ event }) => event === "verdicts_revoked");
      expect(await seen(place, "/all/a")).toEqual([0]);
      // a second line within a second is left out: it is the cache that tells
      place.revoke("plan");
      await expect.poll(() => seen(place, "/all/a")).toEqual([1]);
    });

    it("while a review is under way is not kept of it", async () => {
      let answer = (): void => {};
      const place = await start();
      place.answers = (request, call) =>
        new Promise((resolve) => {
          answer = () => resolve(allowFor({ ttlMs: 60_000, tags: ["plan"] })(request, call));
        });
      const waiting = get(place, "/all/a");
      await expect.poll(() => place.reviews.length).toBe(1);
      await revokeByAdmin(place, { interceptor: "scripted", tags: ["plan"] });
      answer();
      expect((await waiting).status).toBe(200);
      place.answers = allowFor({ ttlMs: 60_000, tags: ["plan"] });
      expect(await seen(place, "/all/a", "/all/a")).toEqual([1, 0]);
    });
  });

  describe("of a service that revokes", () => {
    const entries = async (place: Watched): Promise<number> =>
      (await readMetrics(place.gateway))("sallyport_verdict_cache_entries", { interceptor: "scripted" });

    it("is not used while Watch is down, and empty when it is up again", async () => {
      const place = await start({ manifest: { revokes: true } });
      await expect.poll(() => seen(place, "/all/a")).toEqual([0]);
      place.service.watch = "unknown";
      place.service.endWatches();
      await expect.poll(() => entries(place)).toBe(0);
      expect(await seen(place, "/all/a", "/all/a", "/all/a")).toEqual([1, 1, 1]);
      expect(await entries(place)).toBe(0);
    });

    it("comes back with the stream", async () => {
      const place = await start({ manifest: { revokes: true } });
      await expect.poll(() => seen(place, "/all/a")).toEqual([0]);
      place.service.endWatches();
      await expect.poll(() => entries(place)).toBe(0);
      await place.watching(1);
      expect(await seen(place, "/all/b")).toEqual([1]);
      await expect.poll(() => seen(place, "/all/a")).toEqual([0]);
    });

    it("is never used where the service does not offer Watch, against its word", async () => {
      const place = await start({ manifest: { revokes: true }, watch: "unknown" });
      expect(await seen(place, "/all/a", "/all/a")).toEqual([1, 1]);
    });
  });

  describe("over a reload", () => {
    const reloadWith = async ({ gateway }: Watched, from: string, to: string): Promise<string> => {
      const text = await readFile(gateway.configFile, "utf8");
      expect(text).toContain(from);
      await writeFile(gateway.configFile, text.replace(from, to));
      return (await gateway.running.reload("admin")).kind;
    };

    it("keeps what is known of a binding that did not change, and nothing of one that did", async () => {
      const place = await start();
      await seen(place, "/all/a");
      expect(await reloadWith(place, "log: { level: debug }", "log: { level: debug, reviews: all }")).toBe("swapped");
      expect(await seen(place, "/all/a")).toEqual([0]);
      expect(await reloadWith(place, '"cache":{}', '"cache":{"max_ttl":"30s"}')).toBe("swapped");
      expect(await seen(place, "/all/a", "/all/a")).toEqual([1, 0]);
    });
  });

  it("is emptied by an interceptor of the SDK, which says by itself that it revokes", async () => {
    let asked = 0;
    const plans = defineInterceptor({
      name: "plans",
      version: "1",
      bindings: {
        check: binding({
          phase: "pre-route",
          mode: "validate",
          needs: ["/request/path"],
          cacheable: true,
          review: () => {
            asked += 1;
            return allow().cacheFor(60_000, ["plan"]);
          },
        }),
      },
    });
    await using service = await startInterceptor(plans);
    await using upstream = await startUpstream();
    await using gateway = await startGateway({
      files: await gatewayFiles(),
      config: configuration({
        routes: [openRoute("all")],
        upstreams: { main: { endpoints: [upstream.url] } },
        interceptors: [
          interceptorAt(service.port, {
            name: "plans",
            bindings: [{ id: "check", phase: "pre-route", mode: "validate" }],
            cache: {},
          }),
        ],
      }),
    });
    const isAsked = async (): Promise<boolean> => {
      const before = asked;
      expect((await ask(gateway, { path: "/all/a" })).status).toBe(200);
      return asked > before;
    };
    await expect.poll(isAsked).toBe(false);
    expect(service.running.revoke("other")).toBe(1);
    expect(await isAsked()).toBe(false);
    expect(service.running.revoke("plan")).toBe(1);
    await expect.poll(isAsked).toBe(true);
    expect(await isAsked()).toBe(false);
  });
});
