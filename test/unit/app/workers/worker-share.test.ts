import { describe, expect, it } from "vitest";
import { ASIDE_LIMITS } from "../../../../src/app/aside-queue.ts";
import { shareOf, workerCount } from "../../../../src/app/workers/worker-share.ts";
import { configOf, minimal } from "../../../support/config-text.ts";

describe("how many workers there are", () => {
  it("is what the operator says, or one for each core, 64 at most", () => {
    expect([workerCount(3, 8), workerCount("auto", 8), workerCount("auto", 0), workerCount("auto", 192)]).toEqual([3, 8, 1, 64]);
  });
});

describe("a worker's share of the limits (C37)", () => {
  const config = async (pending: number) =>
    (
      await configOf(`${minimal()}max_captured_bytes: 9MiB
defaults: { upstream: { max_requests: 5 } }
interceptors:
  - { name: scripted, endpoint: "grpc://127.0.0.1:1", allow_insecure: true, max_concurrent_reviews: 7, max_pending_reviews: ${pending} }
`)
    ).config;

  it("is the limit by the number of workers, rounded down, and at least 1", async () => {
    const whole = await config(3);
    const { config: part, asideLimits, maxStreams } = shareOf(whole, 4);
    expect(maxStreams).toBe(25_000);
    expect(part.maxCapturedBytes).toBe(Math.floor((9 * 1024 * 1024) / 4));
    expect(part.listeners[0]?.limits.maxConnections).toBe(Math.floor((whole.listeners[0]?.limits.maxConnections ?? 0) / 4));
    expect(part.listeners[0]?.limits.maxRequests).toBe(Math.floor((whole.listeners[0]?.limits.maxRequests ?? 0) / 4));
    expect(part.overload).toEqual({ ...whole.overload, maxRequests: whole.overload.maxRequests / 4 });
    expect(part.upstreams[0]?.maxRequests).toBe(1);
    expect(part.interceptors[0]).toMatchObject({ maxConcurrentReviews: 1, maxPendingReviews: 1 });
    expect(asideLimits).toEqual({
      maxItems: ASIDE_LIMITS.maxItems / 4,
      maxBytes: ASIDE_LIMITS.maxBytes / 4,
      concurrency: ASIDE_LIMITS.concurrency / 4,
    });
    // what is for one exchange or one connection is not divided
    expect(part.routes).toEqual(whole.routes);
    expect(part.listeners[0]?.limits.maxHeaderBytes).toBe(whole.listeners[0]?.limits.maxHeaderBytes);
  });

  it("lets no review wait where none may", async () => {
    expect(shareOf(await config(0), 4).config.interceptors[0]?.maxPendingReviews).toBe(0);
  });
});
