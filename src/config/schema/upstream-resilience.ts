import { z } from "zod";
import type { UpstreamConfig } from "../gateway-config.ts";
import { count, duration, HOUR_MS, matching, MINUTE_MS, SECOND_MS } from "./primitives.ts";

const status = count({ min: 200, max: 599 });

const breaker = z.strictObject({
  failures: count({ min: 0, max: 1_000 })
    .default(5)
    .describe(
      "Failures of an endpoint in a row: no connection, a broken one, no answer in time, or status 502, 503, 504. 0: never.",
    ),
  window: duration({ minMs: SECOND_MS, maxMs: HOUR_MS }).prefault("10s").describe("Time within which they all have to be."),
  open: duration({ minMs: 50, maxMs: HOUR_MS })
    .prefault("30s")
    .describe(
      "Pause before the first request that tries again; doubled while the tries fail. At most a second where nobody stands in.",
    ),
  max_open: duration({ minMs: 50, maxMs: 24 * HOUR_MS })
    .prefault("5m")
    .describe("Longest pause."),
  max_ejected: count({ min: 0, max: 100 })
    .default(50)
    .describe(
      "Percentage of the endpoints that may be given up one by one. All together are only where none can be connected to.",
    ),
});

const health = z.strictObject({
  path: matching({
    title: "path",
    expected: "a path such as /healthz",
    pattern: "^/[\\x21-\\x22\\x24-\\x7e]{0,1023}$",
  }).describe("Path, and query, of the GET an endpoint is asked with."),
  host: matching({ title: "host", expected: "a host such as orders.internal:9000", pattern: "^[A-Za-z0-9._:\\[\\]-]{1,255}$" })
    .optional()
    .describe("Its `host` header. Left out: the endpoint's own."),
  interval: duration({ minMs: 100, maxMs: HOUR_MS })
    .prefault("10s")
    .describe("Pause between two checks of an endpoint, a tenth more or less."),
  timeout: duration({ minMs: 10, maxMs: MINUTE_MS }).prefault("2s").describe("Time for one check."),
  healthy: count({ min: 1, max: 100 }).default(2).describe("Checks in a row that bring an endpoint back."),
  unhealthy: count({ min: 1, max: 100 }).default(3).describe("Failed checks in a row that take it out of service."),
  statuses: z.array(status).max(32).prefault([]).describe("Statuses that count as well. Empty: 200 to 299."),
});

const retry = z.strictObject({
  attempts: count({ min: 1, max: 5 }).default(2).describe("Attempts at one request in all; 1: none is repeated."),
  on: z
    .array(z.enum(["connect", "reset", "timeout"]))
    .prefault(["connect"])
    .describe(
      "What is a reason: no connection, so that nothing was sent (`connect`, on another endpoint); a connection that broke before a response (`reset`), or no response in time (`timeout`). The latter two only for GET, HEAD, OPTIONS, PUT, DELETE whose body is at hand.",
    ),
  statuses: z
    .array(status)
    .max(32)
    .prefault([])
    .describe("Statuses that are a reason too, under the conditions of `reset`. None by itself."),
  backoff: duration({ minMs: 0, maxMs: MINUTE_MS })
    .prefault("25ms")
    .describe(
      "Pause before the same endpoint is asked again, doubled each time, a second at most; another one is asked at once.",
    ),
  budget: count({ min: 0, max: 100 }).default(20).describe("Percentage of the requests in flight that may be repeats."),
  budget_min: count({ min: 0, max: 1_000 }).default(3).describe("Repeats that are allowed however few requests are in flight."),
});

/** The keys of an upstream about endpoints that fail. */
export const resilienceKeys = {
  breaker: breaker.prefault({}).describe("When an endpoint is given up for a while because of what it answers."),
  health: health
    .optional()
    .describe("Asks each endpoint regularly whether it is well. Left out: they are judged by what they answer alone."),
  retry: retry
    .prefault({})
    .describe("When a request is sent once more. Never one of which a body that cannot be sent again was sent in part."),
};

type Parsed = z.output<z.ZodObject<typeof resilienceKeys>>;

/** The same as the program sees it. */
export function toResilience({ breaker, health, retry }: Parsed): Pick<UpstreamConfig, "breaker" | "health" | "retry"> {
  return {
    breaker: {
      failures: breaker.failures,
      windowMs: breaker.window,
      openMs: breaker.open,
      longestOpenMs: Math.max(breaker.open, breaker.max_open),
      maxPercent: breaker.max_ejected,
    },
    health: health && {
      path: health.path,
      host: health.host,
      intervalMs: health.interval,
      timeoutMs: health.timeout,
      healthy: health.healthy,
      unhealthy: health.unhealthy,
      statuses: health.statuses,
    },
    retry: {
      attempts: retry.attempts,
      on: retry.on,
      statuses: retry.statuses,
      backoffMs: retry.backoff,
      budget: { percent: retry.budget, min: retry.budget_min },
    },
  };
}
