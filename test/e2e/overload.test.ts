import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { allowing, type Reply } from "../support/test-interceptor.ts";
import { problemOf, reviewsOf, type Asking } from "./support/ask.ts";
import { openRoute } from "./support/configuration.ts";
import { readMetrics } from "./support/metrics.ts";
import { house, type House, type Passed } from "./support/reviewed.ts";

const CONCURRENT = 2;
const PENDING = 3;

let place: House;

/** Reviews the service has begun and not answered. */
let inFlight = 0;
let mostInFlight = 0;
/** Answers all that is held, and whatever comes later. */
let release: () => void = () => {};

beforeAll(async () => {
  const guard = (id: string, operator: object) =>
    ({
      declares: { id, phase: "pre-route", mode: "validate", needs: ["/request/path"] },
      operator: { match: { routes: [id] }, ...operator },
    }) as const;
  place = await house(
    [guard("closed", {}), guard("open", { failure_policy: "fail-open" }), guard("hasty", { timeout: "150ms" })],
    {
      interceptor: { max_concurrent_reviews: CONCURRENT, max_pending_reviews: PENDING, timeout: "10s" },
      sections: { review_budget: "20s", routes: ["closed", "open", "hasty"].map((name) => openRoute(name)) },
    },
  );
});

beforeEach(() => {
  inFlight = 0;
  mostInFlight = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  release = resolve;
  place.service.answers = async ({ reviewId }): Promise<Reply> => {
    inFlight += 1;
    mostInFlight = Math.max(mostInFlight, inFlight);
    await promise;
    inFlight -= 1;
    return allowing(reviewId);
  };
});

// a test that failed holds nobody else up
afterEach(() => release());

afterAll(() => place?.[Symbol.asyncDispose]());

/** Sends one and does not wait for it. */
const begin = (asking: Asking): Promise<Passed> => place.send(asking);

const pending = async (): Promise<number> =>
  (await readMetrics(place.gateway))("sallyport_reviews_pending", { interceptor: "scripted" });

/** Fills every place in flight and every place in the queue. */
async function fill(): Promise<readonly Promise<Passed>[]> {
  const admitted = Array.from({ length: CONCURRENT }, () => begin({ path: "/closed/in-flight" }));
  await expect.poll(() => inFlight, { timeout: 5_000 }).toBe(CONCURRENT);
  const waiting = Array.from({ length: PENDING }, () => begin({ path: "/closed/waiting" }));
  await expect.poll(pending, { timeout: 5_000 }).toBe(PENDING);
  return [...admitted, ...waiting];
}

describe("an interceptor with as many reviews as it may have", () => {
  it("is asked no more: the rest is shed at once with 503, and whoever waited is served in the end (C15)", async () => {
    const held = await fill();
    const shed = await Promise.all(Array.from({ length: 4 }, () => begin({ path: "/closed/shed" })));
    for (const { answer, line } of shed) {
      expect(problemOf(answer)).toMatchObject({ status: 503, code: "interceptor_overloaded", retryable: true });
      expect(answer.headers["retry-after"]).toMatch(/^\d+$/);
      expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "overloaded", reason: "queue_full" })]);
    }
    release();
    expect((await Promise.all(held)).map(({ answer }) => answer.status)).toEqual(
      Array.from({ length: CONCURRENT + PENDING }, () => 200),
    );
    expect(mostInFlight).toBe(CONCURRENT);
    expect(place.upstream.requests.some((request) => request.includes("/closed/shed"))).toBe(false);
  });

  it("lets the exchanges of fail-open bindings pass unreviewed, counted (C19)", async () => {
    const held = await fill();
    const { answer, line } = await begin({ path: "/open/a" });
    expect(answer.status).toBe(200);
    expect(reviewsOf(line)).toEqual([
      expect.objectContaining({ failure: "overloaded", reason: "queue_full", failure_policy: "fail-open" }),
    ]);
    release();
    await Promise.all(held);
  });

  it("is overloaded, not late, for a review whose time ran out in the queue (C21)", async () => {
    const admitted = Array.from({ length: CONCURRENT }, () => begin({ path: "/closed/in-flight" }));
    await expect.poll(() => inFlight, { timeout: 5_000 }).toBe(CONCURRENT);
    const { answer, line } = await begin({ path: "/hasty/a" });
    expect(problemOf(answer)).toMatchObject({ status: 503, code: "interceptor_overloaded" });
    // by the clock, or already by what the gateway learned of how long reviews take here
    const reason: unknown = expect.stringMatching(/^queue_(?:expired|too_long)$/);
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "overloaded", reason })]);
    release();
    await Promise.all(admitted);
  });

  it("takes a whole burst, never more of it in flight than the cap, and answers every request", async () => {
    release();
    place.service.answers = ({ reviewId }) => {
      inFlight += 1;
      mostInFlight = Math.max(mostInFlight, inFlight);
      // counted down before the answer leaves, so that the next one cannot overtake it
      return new Promise((resolve) => setImmediate(() => resolve(((inFlight -= 1), allowing(reviewId)))));
    };
    const passed = await Promise.all(Array.from({ length: 60 }, () => begin({ path: "/closed/burst" })));
    const statuses = new Set(passed.map(({ answer }) => answer.status));
    expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(statuses).toContain(200);
    expect(mostInFlight).toBeLessThanOrEqual(CONCURRENT);
    expect(await pending()).toBe(0);
  });
});
