import { z } from "zod";
import { pointerTo } from "../source/pointer.ts";
import type { LoadedFiles } from "../files/loaded-files.ts";
import type { UpstreamConfig, UpstreamCredential } from "../gateway-config.ts";
import { CREDENTIAL_PRESETS, PROVIDER_SLOTS } from "../credential-presets.ts";
import { ownCredentialSlot } from "./credential-slot.ts";
import { count, duration, filePath, HOUR_MS, written } from "./primitives.ts";
import { fallbackKey, toFallbacks } from "./upstream-fallback.ts";
import { balanceKeys, endpoint, MAX_UPSTREAM_ENDPOINTS, reachKeys, toEndpoint, toReach } from "./upstream-endpoints.ts";
import { resilienceKeys, toResilience } from "./upstream-resilience.ts";
import { formatDuration, parseDuration } from "../../support/durations.ts";
import { err, ok } from "../../model/result.ts";

const upTo = (maxMs: number) => duration({ minMs: 10, maxMs });

const totalTime = written<number | undefined>({
  title: "duration or none",
  expected: "none or a duration such as 30s",
  parse: (text) => {
    if (text === "none") return ok(undefined);
    const parsed = parseDuration(text);
    if (!parsed.ok) return err("expected none or a duration such as 30s");
    const isWithin = parsed.value >= 10 && parsed.value <= 24 * HOUR_MS;
    return isWithin ? parsed : err(`expected none or a duration between 10ms and ${formatDuration(24 * HOUR_MS)}`);
  },
});

const timeouts = z.strictObject({
  connect: upTo(HOUR_MS).prefault("5s").describe("Time to connect; beyond: 504."),
  first_byte: upTo(HOUR_MS).prefault("30s").describe("Time from the request being sent to the response head; beyond: 504."),
  idle: upTo(HOUR_MS).prefault("60s").describe("Longest silence within the response, and how long an idle connection is kept."),
  total: totalTime.prefault("none").describe("Time for the whole response, repeats included; `none` for streams and downloads."),
});

const credential = z.strictObject({
  slot: ownCredentialSlot
    .optional()
    .describe("Where the credential is put: `bearer`, `header/<name>` or `query/<name>`. This or `preset`."),
  preset: z
    .enum(["openai", "anthropic", "gemini"])
    .optional()
    .describe("Puts it where the API of that provider reads it, and empties every slot its clients may use. This or `slot`."),
  secret_file: filePath.optional().describe("File that holds the credential. This or `secret`."),
  secret: z.string().optional().describe('The credential itself; write it as a variable: `"${NAME}"`. This or `secret_file`.'),
});

/** One value of `upstreams`. */
export const upstreamSchema = z.strictObject({
  protocol: z
    .enum(["http", "http2", "grpc"])
    .default("http")
    .describe(
      "How the upstream is spoken to: HTTP/1.1; `http2` (by prior knowledge where it is `http://`); `grpc`: HTTP/2 and nothing but gRPC calls.",
    ),
  endpoints: z
    .array(endpoint)
    .min(1, { error: "expected at least one endpoint" })
    .max(MAX_UPSTREAM_ENDPOINTS, { error: `expected at most ${MAX_UPSTREAM_ENDPOINTS} endpoints` })
    .describe(
      "Where it listens: `http://host:port` or `https://host:port`, or a map with that as `url`. Several share the requests as `balance` says.",
    ),
  ...balanceKeys,
  ...reachKeys,
  timeouts: timeouts.prefault({}).describe("How long each part of an exchange with the upstream may take."),
  max_requests: count({ min: 1, max: 1_000_000 })
    .default(1024)
    .describe("Requests in flight at once; further ones are answered 503."),
  ...resilienceKeys,
  fallback: fallbackKey,
  descriptor_set_file: filePath
    .optional()
    .describe("With `grpc`: the services as a `FileDescriptorSet` with all its imports, binary; for routes with `transcode`."),
  credential: credential.optional().describe("The gateway's own credential. The client's never leaves the gateway."),
});

/** The upstream as the program sees it. */
export function toUpstream(upstream: string, parsed: z.output<typeof upstreamSchema>, files: LoadedFiles): UpstreamConfig {
  const endpoints = parsed.endpoints.map(toEndpoint);
  return {
    name: upstream,
    protocol: parsed.protocol,
    endpoints,
    ...toReach(parsed, endpoints, files),
    balance: parsed.balance,
    hashBy: parsed.hash_by,
    timeouts: {
      connectMs: parsed.timeouts.connect,
      firstByteMs: parsed.timeouts.first_byte,
      idleMs: parsed.timeouts.idle,
      totalMs: parsed.timeouts.total,
    },
    maxRequests: parsed.max_requests,
    ...toResilience(parsed),
    ...toFallbacks(parsed.fallback),
    descriptorSet:
      parsed.descriptor_set_file === undefined
        ? undefined
        : files.descriptorSetAt(pointerTo(pointerTo("/upstreams", upstream), "descriptor_set_file")),
    credential: parsed.credential && {
      ...slotsOf(parsed.credential),
      secret: files.secretAt(pointerTo(pointerTo("/upstreams", upstream), "credential")),
    },
  };
}

function slotsOf({ slot, preset }: z.output<typeof credential>): Pick<UpstreamCredential, "slot" | "emptied"> {
  if (preset !== undefined) return { slot: CREDENTIAL_PRESETS[preset], emptied: PROVIDER_SLOTS };
  // the cross-checks have found one of the two
  if (slot === undefined) throw new Error("a credential without a slot passed the checks");
  return { slot, emptied: [] };
}
