import { z } from "zod";
import { LIMITS } from "../../model/limits.ts";
import type { LoadedFiles } from "../files/loaded-files.ts";
import type { InterceptorConfig, InterceptorEndpoint } from "../gateway-config.ts";
import { isIpAddress } from "../../support/ip-address.ts";
import { err, ok } from "../../model/result.ts";
import { origin } from "./address.ts";
import { bindingSchema, toBinding } from "./binding.ts";
import { isHostName } from "./http-words.ts";
import { count, filePath, name, written } from "./primitives.ts";
import { interceptorTerms, toTerms } from "./review-terms.ts";

const serverName = written<string>({
  title: "host name",
  expected: "the DNS name in the interceptor's certificate",
  parse: (text) => {
    if (isIpAddress(text)) return err("expected a DNS name: an IP address cannot be a server name");
    return isHostName(text.toLowerCase())
      ? ok(text.toLowerCase())
      : err("expected the DNS name in the interceptor's certificate");
  },
});

// all optional here: what is missing after defaults were merged is reported together with the endpoint that needs it
const tls = z.strictObject({
  ca_file: filePath
    .optional()
    .describe("Authorities the interceptor's certificate is checked against, PEM. Required for `grpcs://`."),
  cert_file: filePath.optional().describe("Certificate the gateway shows, PEM. Required for `grpcs://`."),
  key_file: filePath.optional().describe("Private key of that certificate, PEM. Required for `grpcs://`."),
  server_name: serverName
    .optional()
    .describe(
      "DNS name expected in the interceptor's certificate; left out: the endpoint's host. Required where that is an IP address.",
    ),
});

/** One entry of `interceptors`, defaults already merged in. */
export const interceptorSchema = z.strictObject({
  name: name.describe("Name of the interceptor, unique."),
  endpoint: origin({ grpcs: undefined, grpc: undefined }, "grpcs://127.0.0.1:7443").describe(
    "Where it listens: `grpcs://host:port`, or `grpc://host:port` with `allow_insecure`.",
  ),
  allow_insecure: z.boolean().default(false).describe("Allows `grpc://`: neither side then knows who the other is."),
  tls: tls.optional().describe("Mutual TLS with the interceptor. Files are read again when they change."),
  order: count({ min: -1_000_000, max: 1_000_000 })
    .default(1000)
    .describe("Place among the interceptors of a phase; lower runs earlier."),
  grant: z
    .enum(["allowlist", "exact", "dynamic"])
    .default("allowlist")
    .describe(
      "What of its manifest is granted: only listed bindings; the same, and it may declare no others; or all it declares.",
    ),
  max_concurrent_reviews: count(LIMITS.maxConcurrentReviews)
    .default(LIMITS.maxConcurrentReviews.fallback)
    .describe("Reviews in flight at once."),
  max_pending_reviews: count(LIMITS.maxPendingReviews)
    .default(LIMITS.maxPendingReviews.fallback)
    .describe("Reviews waiting for a place; further ones fail as overloaded."),
  ...interceptorTerms,
  bindings: z.array(bindingSchema).prefault([]).describe("Bindings of its manifest that are granted, each narrowed."),
});

/** `defaults.interceptor`: every key of an interceptor that does not name it. */
export const interceptorDefaultsSchema = interceptorSchema.omit({ name: true, endpoint: true, bindings: true }).partial();

/** The interceptor as the program sees it. */
export function toInterceptor(parsed: z.output<typeof interceptorSchema>, files: LoadedFiles): InterceptorConfig {
  const terms = toTerms(parsed);
  return {
    name: parsed.name,
    endpoint: toEndpoint(parsed, files),
    order: parsed.order,
    grant: parsed.grant,
    maxConcurrentReviews: parsed.max_concurrent_reviews,
    maxPendingReviews: parsed.max_pending_reviews,
    terms,
    bindings: parsed.bindings.map((binding) => toBinding(binding, terms)),
  };
}

function toEndpoint({ endpoint, tls }: z.output<typeof interceptorSchema>, files: LoadedFiles): InterceptorEndpoint {
  const { scheme, host, port, url } = endpoint;
  if (scheme === "grpc") return { kind: "grpc", host, port, url };
  const resolve = (path: string | undefined): string => {
    if (path === undefined) throw new Error("an interceptor without certificate files passed the checks");
    return files.resolve(path);
  };
  const tlsFiles = { caFile: resolve(tls?.ca_file), certFile: resolve(tls?.cert_file), keyFile: resolve(tls?.key_file) };
  return { kind: "grpcs", host, port, url, tls: { ...tlsFiles, serverName: tls?.server_name ?? host } };
}
