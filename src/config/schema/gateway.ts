import { z } from "zod";
import { err, ok } from "../../model/result.ts";
import { parseDuration } from "../../support/durations.ts";
import { parseAddressRange } from "../../support/ip-address.ts";
import { DEFAULT_TOKEN_FILE } from "../admin-place.ts";
import { listenAddress } from "./address.ts";
import { headerName, queryName } from "./http-words.ts";
import { count, filePath, MINUTE_MS, written } from "./primitives.ts";

/** `admin`: the operator's own door. */
export const adminSchema = z.strictObject({
  address: listenAddress.prefault("127.0.0.1:9080").describe("Address of the admin listener, `host:port`."),
  token_file: filePath
    .prefault(DEFAULT_TOKEN_FILE)
    .describe("File with the bearer token for `/admin/…`; made, readable by its owner only, when missing."),
});

/** `status`: a door for probes and scrapers. */
export const statusSchema = z.strictObject({
  address: listenAddress.prefault("127.0.0.1:9081").describe("Address of the status listener, `host:port`."),
});

/** `trusted_proxies`: whose word about the client is believed. */
export const trustedProxiesSchema = z.strictObject({
  cidrs: z
    .array(
      written<string>({
        title: "address range",
        expected: "an address range such as 10.0.0.0/8",
        parse: (text) => {
          const range = parseAddressRange(text);
          return range.ok ? { ok: true, value: text } : range;
        },
      }),
    )
    .prefault([])
    .describe("Addresses of proxies in front whose forwarded headers are believed. Empty: nobody."),
  headers: z
    .enum(["x-forwarded", "forwarded", "none"])
    .default("x-forwarded")
    .describe("Which headers they set: `X-Forwarded-For` and kin, RFC 7239 `Forwarded`, or none."),
});

/** `overload`: when requests are turned away at the door. */
export const overloadSchema = z.strictObject({
  requests: count({ min: 1, max: 10_000_000 })
    .default(20_000)
    .describe(
      "Requests under way over all listeners, open streams included; further ones are answered 503 before their body is read.",
    ),
  loop_delay: written<number | undefined>({
    title: "duration or none",
    expected: "none or a duration between 20ms and 1m",
    parse: (text) => {
      if (text === "none") return ok(undefined);
      const parsed = parseDuration(text);
      return parsed.ok && parsed.value >= 20 && parsed.value <= MINUTE_MS
        ? parsed
        : err("expected none or a duration between 20ms and 1m");
    },
  })
    .prefault("500ms")
    .describe(
      "Event loop delay that, lasting half a second, means overload: new requests are answered 503. `none`: it does not count.",
    ),
});

/** `secrets`: further names to hide. */
export const secretsSchema = z.strictObject({
  headers: z
    .array(headerName)
    .prefault([])
    .describe("Headers never shown in views, logs and records, besides every credential slot."),
  query: z
    .array(queryName)
    .prefault([])
    .describe("Query parameters never shown in views, logs and records, besides every credential slot."),
});

/** `log`. */
export const logSchema = z.strictObject({
  level: z.enum(["debug", "info", "warn", "error"]).default("info").describe("Least severe lines written."),
  reviews: z
    .enum(["none", "failures", "all"])
    .default("failures")
    .describe("Which reviews get a line of their own; all of them stand in the line of their exchange."),
});
