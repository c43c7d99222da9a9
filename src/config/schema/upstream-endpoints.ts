import { z } from "zod";
import { err, ok } from "../../model/result.ts";
import type { UpstreamEndpoint } from "../gateway-config.ts";
import type { HashBy } from "../../model/plan.ts";
import { origin, type Origin } from "./address.ts";
import { count, written } from "./primitives.ts";

/** Most endpoints of one upstream: each request may look at all of them. */
export const MAX_UPSTREAM_ENDPOINTS = 64;

const address = origin({ http: 80 }, "http://127.0.0.1:9000");

const weighed = z.strictObject({
  url: address.describe("Where it listens, `http://host:port`."),
  weight: count({ min: 1, max: 1000 })
    .default(1)
    .describe("Its share of the requests, against the others' weights; not with `balance: round-robin`."),
  priority: count({ min: 0, max: 100 })
    .default(0)
    .describe("Endpoints with a higher number are used while none with a lower one is in service."),
});

/** One entry of `endpoints`. */
export const endpoint = z.union([address, weighed]);

const hashKey = written<HashBy>({
  title: "hash key",
  expected: "client-address, principal, tenant or header/<name>",
  pattern: "^(client-address|principal|tenant|header/.+)$",
  parse: (text) => {
    if (text === "client-address" || text === "principal" || text === "tenant") return ok({ kind: text });
    const [, name = ""] = /^header\/([A-Za-z0-9!#$%&'*+.^_`|~-]{1,256})$/.exec(text) ?? [];
    return name === ""
      ? err("expected client-address, principal, tenant or header/<name>")
      : ok({ kind: "header", name: name.toLowerCase() });
  },
});

/** The keys of an upstream that say which endpoint a request goes to. */
export const balanceKeys = {
  balance: z
    .enum(["round-robin", "least-request", "weighted", "hash"])
    .default("round-robin")
    .describe(
      "Which endpoint is next: each in turn; the one with the fewest requests in flight for its weight; in turn by weight; or always the same for the same `hash_by`.",
    ),
  hash_by: hashKey
    .optional()
    .describe(
      "With `balance: hash`: what requests to the same endpoint have in common, `client-address`, `principal`, `tenant` or `header/<name>`. Requests without it go in turn.",
    ),
};

/** The endpoint as the program sees it. */
export function toEndpoint(parsed: Origin | z.output<typeof weighed>): UpstreamEndpoint {
  const { url, weight, priority } = "weight" in parsed ? parsed : { url: parsed, weight: 1, priority: 0 };
  return { url: url.url, host: url.host, port: url.port, weight, priority };
}
