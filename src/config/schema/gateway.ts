import { z } from "zod";
import { parseAddressRange } from "../../support/ip-address.ts";
import { DEFAULT_TOKEN_FILE } from "../admin-place.ts";
import { listenAddress } from "./address.ts";
import { headerName, queryName } from "./http-words.ts";
import { count, duration, filePath, MINUTE_MS, written } from "./primitives.ts";

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

/** `overload`: beyond which requests are shed. */
export const overloadSchema = z.strictObject({
  max_requests: count({ min: 1, max: 1_000_000 })
    .default(20_000)
    .describe("Exchanges under way in the whole gateway, open streams included."),
  loop_delay: duration({ minMs: 10, maxMs: MINUTE_MS })
    .prefault("200ms")
    .describe(
      "How long the event loop may keep things waiting, once and again; beyond, a growing part of new requests is shed while 50 or more are under way.",
    ),
  heap_percent: count({ min: 50, max: 100 })
    .default(92)
    .describe(
      "Of the heap the process may have at most; beyond, 19 of 20 new requests are shed while 50 or more are under way. 100: never.",
    ),
});

/** `log`. */
export const logSchema = z.strictObject({
  level: z.enum(["debug", "info", "warn", "error"]).default("info").describe("Least severe lines written."),
  reviews: z
    .enum(["none", "failures", "all"])
    .default("failures")
    .describe("Which reviews get a line of their own; all of them stand in the line of their exchange."),
});
