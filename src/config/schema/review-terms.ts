import { z } from "zod";
import { LIMITS } from "../../model/limits.ts";
import { formatDuration } from "../../support/durations.ts";
import { formatSize } from "../../support/sizes.ts";
import type { CachePlan } from "../../model/plan.ts";
import type { ReviewTerms } from "../interceptor-config.ts";
import { count, duration, HOUR_MS, size } from "./primitives.ts";

const timeout = duration({ minMs: LIMITS.timeoutMs.min, maxMs: LIMITS.timeoutMs.max });
const maxPatches = count(LIMITS.maxPatches);
const maxResponse = size({ minBytes: LIMITS.maxResponseBytes.min, maxBytes: LIMITS.maxResponseBytes.max });
const maxBody = size({ minBytes: LIMITS.maxBodyBytes.min, maxBytes: LIMITS.maxBodyBytes.max });
const failurePolicy = z.enum(["fail-closed", "fail-open"]);
const onUnreviewable = z.enum(["refuse", "skip"]);
const enforcement = z.enum(["enforce", "shadow"]);
const ttl = duration({ minMs: 0, maxMs: HOUR_MS });
const cache = z.strictObject({
  max_ttl: ttl.prefault("60s").describe("Longest time an allow is reused, whatever the verdict says."),
  max_negative_ttl: ttl.prefault("5s").describe("The same for a deny."),
  max_entries: count({ min: 0, max: 1_000_000 })
    .default(10_000)
    .describe("Verdicts kept for the binding, the least used of them dropped first; 0: none."),
  shared: z
    .boolean()
    .default(false)
    .describe("`true`: principals and tenants share verdicts unless the view shows who they are."),
});
const decode = z.array(z.enum(["gzip", "br", "zstd", "deflate"]));

const DOCS = {
  timeout: "Longest time for one review, everything included.",
  maxPatches: "Patch operations in one verdict; beyond: the verdict is invalid.",
  maxResponse: "Encoded size of one verdict; beyond: the verdict is invalid.",
  maxBody: "Decoded size of a body shown; beyond: the exchange cannot be reviewed.",
  failurePolicy:
    "What happens without a usable verdict: the exchange is refused, or goes on as it was. Observe bindings are always `fail-open`.",
  onUnreviewable:
    "What happens when the binding cannot be shown what it needs, such as a body that is too large. `skip` lets it pass unreviewed.",
  enforcement: "`enforce`: verdicts count. `shadow`: it is asked off the path, and what it says is only counted.",
  cache:
    "Reuses verdicts for equal views, where the manifest declares the binding `cacheable` and the verdict says for how long. Left out: never.",
  decode: "Content codings undone before a body is shown; another one cannot be reviewed.",
} as const;

/** Keys of a binding; each falls back to the interceptor's. */
export const bindingTerms = {
  timeout: timeout.optional().describe(DOCS.timeout),
  max_patches: maxPatches.optional().describe(DOCS.maxPatches),
  max_response_bytes: maxResponse.optional().describe(DOCS.maxResponse),
  max_body_bytes: maxBody.optional().describe(DOCS.maxBody),
  failure_policy: failurePolicy.optional().describe(DOCS.failurePolicy),
  on_unreviewable: onUnreviewable.optional().describe(DOCS.onUnreviewable),
  enforcement: enforcement.optional().describe(DOCS.enforcement),
  cache: cache.optional().describe(DOCS.cache),
  decode: decode.optional().describe(DOCS.decode),
};

/** The same keys of an interceptor, with the built-in values. */
export const interceptorTerms = {
  timeout: timeout.prefault(formatDuration(LIMITS.timeoutMs.fallback)).describe(DOCS.timeout),
  max_patches: maxPatches.default(LIMITS.maxPatches.fallback).describe(DOCS.maxPatches),
  max_response_bytes: maxResponse.prefault(formatSize(LIMITS.maxResponseBytes.fallback)).describe(DOCS.maxResponse),
  max_body_bytes: maxBody.prefault(formatSize(LIMITS.maxBodyBytes.fallback)).describe(DOCS.maxBody),
  failure_policy: failurePolicy.default("fail-closed").describe(DOCS.failurePolicy),
  on_unreviewable: onUnreviewable.default("refuse").describe(DOCS.onUnreviewable),
  enforcement: enforcement.default("enforce").describe(DOCS.enforcement),
  cache: cache.optional().describe(DOCS.cache),
  decode: decode.default(["gzip", "br", "zstd", "deflate"]).describe(DOCS.decode),
};

const asObject = { binding: z.strictObject(bindingTerms), interceptor: z.strictObject(interceptorTerms) };

/** The interceptor's own terms. */
export function toTerms(parsed: z.output<typeof asObject.interceptor>): ReviewTerms {
  return {
    limits: {
      timeoutMs: parsed.timeout,
      maxPatches: parsed.max_patches,
      maxResponseBytes: parsed.max_response_bytes,
      maxBodyBytes: parsed.max_body_bytes,
    },
    failurePolicy: parsed.failure_policy,
    onUnreviewable: parsed.on_unreviewable,
    enforcement: parsed.enforcement,
    cache: toCachePlan(parsed.cache),
    decode: parsed.decode,
  };
}

/** The binding's terms over the interceptor's. */
export function toBindingTerms(parsed: z.output<typeof asObject.binding>, interceptor: ReviewTerms): ReviewTerms {
  const { limits } = interceptor;
  return {
    limits: {
      timeoutMs: parsed.timeout ?? limits.timeoutMs,
      maxPatches: parsed.max_patches ?? limits.maxPatches,
      maxResponseBytes: parsed.max_response_bytes ?? limits.maxResponseBytes,
      maxBodyBytes: parsed.max_body_bytes ?? limits.maxBodyBytes,
    },
    failurePolicy: parsed.failure_policy ?? interceptor.failurePolicy,
    onUnreviewable: parsed.on_unreviewable ?? interceptor.onUnreviewable,
    enforcement: parsed.enforcement ?? interceptor.enforcement,
    cache: parsed.cache === undefined ? interceptor.cache : toCachePlan(parsed.cache),
    decode: parsed.decode ?? interceptor.decode,
  };
}

function toCachePlan(parsed: z.output<typeof cache> | undefined): CachePlan | undefined {
  if (parsed === undefined || parsed.max_entries === 0) return undefined;
  return {
    maxTtlMs: parsed.max_ttl,
    maxNegativeTtlMs: parsed.max_negative_ttl,
    maxEntries: parsed.max_entries,
    shared: parsed.shared,
  };
}
