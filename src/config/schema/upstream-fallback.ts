import { z } from "zod";
import type { UpstreamConfig } from "../gateway-config.ts";
import { count, MIB, name, size } from "./primitives.ts";

/** Longest text looked for in a response, characters. */
const MAX_TEXT = 256;

const on = z.strictObject({
  statuses: z
    .array(count({ min: 400, max: 599 }))
    .min(1, { error: "expected at least one status" })
    .max(32)
    .describe(
      "Statuses of a response that is not the one to be had. A 4xx says that nothing was done, so that any method is sent again; a 5xx does not: GET, HEAD, OPTIONS, PUT, DELETE only.",
    ),
  body_contains: z
    .string()
    .min(1, { error: "expected a text" })
    .max(MAX_TEXT, { error: `expected at most ${MAX_TEXT} characters` })
    .optional()
    .describe("A text that must stand in its body besides, of which at most 64 KiB are read. Left out: the status says it all."),
  max_body: size({ minBytes: 0, maxBytes: 64 * MIB })
    .prefault("1MiB")
    .describe("Largest request body that is kept to be sent again. A larger one, or one without a known length, is sent once."),
});

const conditional = z.strictObject({
  upstream: name.describe("The upstream that is asked then."),
  on: on.describe("The response on which it is asked."),
});

/** The key of an upstream that says who stands in for it. */
export const fallbackKey = z
  .array(z.union([name, conditional]))
  .prefault([])
  .describe(
    "Upstreams that are asked, in this order, where this one has no endpoint in service or gave no response, and what was sent may be sent again. With `on`: where its response is of that kind, and only then.",
  );

/** Both kinds as the program sees them. */
export function toFallbacks(parsed: z.output<typeof fallbackKey>): Pick<UpstreamConfig, "fallback" | "fallbackOn"> {
  return {
    fallback: parsed.flatMap((entry) => (typeof entry === "string" ? [entry] : [])),
    fallbackOn: parsed.flatMap((entry) =>
      typeof entry === "string"
        ? []
        : [
            {
              upstream: entry.upstream,
              statuses: entry.on.statuses,
              bodyContains: entry.on.body_contains,
              maxBodyBytes: entry.on.max_body,
            },
          ],
    ),
  };
}
