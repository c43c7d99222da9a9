import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { OpenLoad, type Sample } from "../support/open-load.ts";
import { startGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { startUpstream } from "../support/start-upstream.ts";
import { allowing, type Reply } from "../support/test-interceptor.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { readMetrics } from "./support/metrics.ts";
import { scripted } from "./support/scripted.ts";

const TIMEOUT_MS = 500;
const CAP = 20;

/** What a shared machine may add to any answer; a request that waits for nobody's timeout twice still stands out. */
const MARGIN_MS = 1_000;

const HEALTHY_MS = 4;

const statusesOf = (samples: readonly Sample[]): readonly number[] =>
  [...new Set(samples.map(({ status }) => status))].toSorted((one, other) => one - other);

const longest = (samples: readonly Sample[]): number => Math.max(...samples.map(({ tookMs }) => tookMs));

describe("an interceptor that becomes ten times slower, then hangs, then is well again, at 200 requests a second (R13)", () => {
  it("holds up nobody it does not review, and those it reviews no longer than its timeout; its breaker opens and closes", async () => {
    await using upstream = await startUpstream();
    let inFlight = 0;
    let mostInFlight = 0;
    let answer = (reviewId: string): Reply => later(reviewId, HEALTHY_MS);
    await using service = await scripted([{ id: "guard", phase: "pre-route", mode: "validate" }], ({ reviewId }, { closed }) => {
      inFlight += 1;
      mostInFlight = Math.max(mostInFlight, inFlight);
      void closed.then(() => (inFlight -= 1));
      return answer(reviewId);
    });
    await using gateway = await startGateway({
      files: await gatewayFiles(),
      config: configuration({
        upstreams: { main: { endpoints: [upstream.url] } },
        routes: [openRoute("guarded"), openRoute("plain")],
        interceptors: [
          interceptorAt(service.port, {
            timeout: `${TIMEOUT_MS}ms`,
            max_concurrent_reviews: CAP,
            bindings: [{ id: "guard", phase: "pre-route", mode: "validate", match: { routes: ["guarded"] } }],
          }),
        ],
      }),
    });
    const count = (event: string): number => gateway.lines.filter((line) => line.event === event).length;
    const guarded = new OpenLoad(`${gateway.url}/guarded/a`, 5);
    const plain = new OpenLoad(`${gateway.url}/plain/a`, 10);

    await pause(700);
    answer = (reviewId) => later(reviewId, HEALTHY_MS * 10);
    await pause(1_200);
    expect(count("breaker_opened")).toBe(0);

    answer = () => ({ kind: "hang" });
    const hungAtMs = guarded.atMs;
    const heapBefore = process.memoryUsage().heapUsed;
    await expect.poll(() => count("breaker_opened"), { timeout: 5_000 }).toBe(1);
    const openedAtMs = guarded.atMs;
    const endpoint = `grpcs://127.0.0.1:${service.port}`;
    const isOpen = async () =>
      (await readMetrics(gateway))("sallyport_interceptor_breaker_open", { interceptor: "scripted", endpoint });
    await expect.poll(isOpen).toBe(1);
    await pause(2_000);
    const reviewsWhileOpen = service.reviews.length;
    await pause(500);
    // one try at a time, and a pause after each
    expect(service.reviews.length - reviewsWhileOpen).toBeLessThanOrEqual(2);
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(128 * 1024 * 1024);
    expect(count("breaker_closed")).toBe(0);

    const healedAtMs = guarded.atMs;
    answer = (reviewId) => later(reviewId, HEALTHY_MS);
    await expect.poll(() => count("breaker_closed"), { timeout: 5_000 }).toBe(1);
    const closedAtMs = guarded.atMs;
    expect(await isOpen()).toBe(0);
    // R13 says one second and two, on a machine of its own
    expect(openedAtMs - hungAtMs).toBeLessThan(1_000 + MARGIN_MS);
    expect(closedAtMs - healedAtMs).toBeLessThan(2_000 + MARGIN_MS);
    await pause(700);
    await Promise.all([guarded.stop(), plain.stop()]);

    expect(plain.samples.length).toBeGreaterThan(200);
    expect(statusesOf(plain.samples)).toEqual([200]);
    expect(longest(plain.samples)).toBeLessThan(MARGIN_MS);
    expect(longest(guarded.samples)).toBeLessThan(TIMEOUT_MS + MARGIN_MS);
    const during = (fromMs: number, toMs: number): readonly Sample[] =>
      guarded.samples.filter(({ sentAtMs }) => sentAtMs >= fromMs && sentAtMs < toMs);
    expect(statusesOf(during(0, hungAtMs - 600))).toEqual([200]);
    expect(statusesOf(during(hungAtMs + 50, openedAtMs)).every((status) => status >= 503)).toBe(true);
    // open: refused at once, but for the one that tries
    const refused = during(openedAtMs + 50, openedAtMs + 2_000);
    expect(statusesOf(refused).every((status) => status >= 503)).toBe(true);
    expect(refused.filter(({ tookMs }) => tookMs > TIMEOUT_MS - 50).length).toBeLessThanOrEqual(refused.length / 10);
    expect(statusesOf(during(closedAtMs + 50, Number.POSITIVE_INFINITY))).toEqual([200]);
    expect(mostInFlight).toBeLessThanOrEqual(CAP);
    expect(count("breaker_opened")).toBe(1);
  }, 20_000);
});

const later = (reviewId: string, afterMs: number): Reply => ({ kind: "later", afterMs, reply: allowing(reviewId) });
