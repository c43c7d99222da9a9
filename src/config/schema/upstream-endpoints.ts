import { z } from "zod";
import { err, ok } from "../../model/result.ts";
import { isIpAddress } from "../../support/ip-address.ts";
import type { LoadedFiles } from "../files/loaded-files.ts";
import type { UpstreamConfig, UpstreamEndpoint } from "../gateway-config.ts";
import type { HashBy } from "../../model/upstream-plan.ts";
import { origin, type Origin } from "./address.ts";
import { isHostName } from "./http-words.ts";
import { count, duration, filePath, HOUR_MS, MINUTE_MS, SECOND_MS, written } from "./primitives.ts";

/** Most endpoints of one upstream: each request may look at all of them. */
export const MAX_UPSTREAM_ENDPOINTS = 64;

const address = origin({ http: 80, https: 443 }, "http://127.0.0.1:9000");

const weighed = z.strictObject({
  url: address.describe("Where it listens, `http://host:port` or `https://host:port`."),
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

const serverName = written<string>({
  title: "host name",
  expected: "the DNS name in the upstream's certificate",
  parse: (text) =>
    isHostName(text.toLowerCase()) && !isIpAddress(text)
      ? ok(text.toLowerCase())
      : err("expected the DNS name in the upstream's certificate"),
});

const tls = z.strictObject({
  ca_file: filePath
    .optional()
    .describe("Authorities the upstream's certificate is checked against, PEM. Left out: those this machine's Node trusts."),
  cert_file: filePath.optional().describe("Certificate the gateway shows, PEM; with `key_file`. Left out: none."),
  key_file: filePath.optional().describe("Private key of that certificate, PEM."),
  server_name: serverName
    .optional()
    .describe("DNS name expected in the upstream's certificate. Left out: each endpoint's host, which may be an IP address."),
});

const dns = z.strictObject({
  refresh: duration({ minMs: SECOND_MS, maxMs: HOUR_MS })
    .prefault("30s")
    .describe("Pause between two looks at the addresses of an endpoint's name, a tenth more or less."),
  timeout: duration({ minMs: 10, maxMs: MINUTE_MS })
    .prefault("5s")
    .describe("Time for one; beyond, the last good answer stays in use."),
});

/** The keys of an upstream that say how its endpoints are reached. */
export const reachKeys = {
  tls: tls
    .optional()
    .describe(
      "With `https://`: whom to trust, and who the gateway is. The certificate is always checked. Files are read again when they change.",
    ),
  dns: dns
    .prefault({})
    .describe("How names of endpoints are followed: all their addresses are used, and connections to those that are gone end."),
};

/** The endpoint as the program sees it. */
export function toEndpoint(parsed: Origin | z.output<typeof weighed>): UpstreamEndpoint {
  const { url, weight, priority } = "weight" in parsed ? parsed : { url: parsed, weight: 1, priority: 0 };
  return { url: url.url, host: url.host, port: url.port, weight, priority };
}

/** How they are reached, as the program sees it. `tls` is there with `https://`, whether the file says anything or not. */
export function toReach(
  parsed: z.output<z.ZodObject<typeof reachKeys>>,
  endpoints: readonly UpstreamEndpoint[],
  files: LoadedFiles,
): Pick<UpstreamConfig, "tls" | "dns"> {
  const { tls: keys, dns } = parsed;
  const file = (path: string | undefined): string | undefined => (path === undefined ? undefined : files.resolve(path));
  const [certFile, keyFile] = [file(keys?.cert_file), file(keys?.key_file)];
  const tls = {
    caFile: file(keys?.ca_file),
    pair: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
    serverName: keys?.server_name,
  };
  const isSecured = endpoints.some(({ url }) => url.startsWith("https:"));
  return { tls: isSecured ? tls : undefined, dns: { refreshMs: dns.refresh, timeoutMs: dns.timeout } };
}
