import { z } from "zod";
import { LIMITS } from "../../model/limits.ts";
import type { LoadedFiles } from "../files/loaded-files.ts";
import type { InterceptorConfig } from "../interceptor-config.ts";
import { bindingSchema, toBinding } from "./binding.ts";
import { defaultAudience } from "../../model/gateway-token.ts";
import { audience } from "./gateway-identity.ts";
import { endpointKeys, toEndpoints } from "./interceptor-endpoint.ts";
import { count, matching, name } from "./primitives.ts";
import { interceptorTerms, toTerms } from "./review-terms.ts";

/** One entry of `interceptors`, defaults already merged in. */
export const interceptorSchema = z.strictObject({
  name: name.describe("Name of the interceptor, unique."),
  ...endpointKeys,
  audience: audience
    .optional()
    .describe(
      "For whom the gateway's tokens to it are, unique; a manifest that expects another is refused. Left out: `urn:sallyport:interceptor:<name>`.",
    ),
  order: count({ min: -1_000_000, max: 1_000_000 })
    .default(1000)
    .describe("Place among the interceptors of a phase; lower runs earlier."),
  grant: z
    .enum(["allowlist", "exact", "dynamic"])
    .default("allowlist")
    .describe(
      "What of its manifest is granted: only listed bindings; the same, and it may declare no others; or all it declares.",
    ),
  manifest_digest: matching({
    title: "digest",
    expected: "a SHA-256 digest: 64 digits of 0-9 and a-f",
    pattern: "^[0-9a-f]{64}$",
  })
    .optional()
    .describe("Accepts one manifest only, by its digest as `sallyport check --describe` shows it. Left out: any."),
  transport: z
    .enum(["lean", "grpc-js"])
    .default("lean")
    .describe("What calls go over: the gateway's own HTTP/2 client, or the general gRPC library. The same on the wire."),
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
export const interceptorDefaultsSchema = interceptorSchema
  .omit({ name: true, endpoint: true, endpoints: true, audience: true, manifest_digest: true, bindings: true })
  .partial();

/** The interceptor as the program sees it. */
export function toInterceptor(parsed: z.output<typeof interceptorSchema>, files: LoadedFiles): InterceptorConfig {
  const terms = toTerms(parsed);
  return {
    name: parsed.name,
    endpoints: toEndpoints(parsed, files),
    transport: parsed.transport,
    breaker: { failures: parsed.breaker.failures, openMs: parsed.breaker.open },
    audience: parsed.audience ?? defaultAudience(parsed.name),
    order: parsed.order,
    grant: parsed.grant,
    manifestDigest: parsed.manifest_digest,
    maxConcurrentReviews: parsed.max_concurrent_reviews,
    maxPendingReviews: parsed.max_pending_reviews,
    terms,
    bindings: parsed.bindings.map((binding) => toBinding(binding, terms)),
  };
}
