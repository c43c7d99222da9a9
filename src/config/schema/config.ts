import { z } from "zod";
import { LIMITS } from "../../model/limits.ts";
import { formatDuration } from "../../support/durations.ts";
import type { LoadedFiles } from "../files/loaded-files.ts";
import type { GatewayConfig } from "../gateway-config.ts";
import { authenticatorSchema, toAuthenticator } from "./authenticator.ts";
import { adminSchema, logSchema, overloadSchema, secretsSchema, statusSchema, trustedProxiesSchema } from "./gateway.ts";
import { gatewayIdentitySchema, toGatewayIdentity } from "./gateway-identity.ts";
import { interceptorDefaultsSchema, interceptorSchema, toInterceptor } from "./interceptor.ts";
import { listenerSchema, toListener } from "./listener.ts";
import { count, duration, GIB, HOUR_MS, MIB, name, size } from "./primitives.ts";
import { requireSchema, toRequire } from "./require.ts";
import { reviewBudget, routeDefaultsSchema, routeSchema, toRoute } from "./route.ts";
import { toUpstream, upstreamSchema } from "./upstream.ts";

/** Bounds of `workers`. */
const WORKERS = { min: 1, max: 64 };

const defaults = z.strictObject({
  route: routeDefaultsSchema
    .prefault({})
    .describe("Under every route: any key of `routes[]` but `name`, `match` and `upstream`."),
  upstream: upstreamSchema
    .omit({ endpoints: true })
    .partial()
    .prefault({})
    .describe("Under every upstream: any key but `endpoints`."),
  interceptor: interceptorDefaultsSchema
    .prefault({})
    .describe(
      "Under every interceptor: any key of `interceptors[]` but `name`, `endpoint`, `audience`, `manifest_digest` and `bindings`.",
    ),
});

/**
 * The whole file. The single source of types, built-in values, issues, the JSON Schema and the reference page. What concerns
 * two places at once is in `checks/`, which also runs over files this schema refuses.
 */
export const configSchema = z.strictObject({
  version: z.literal(1).describe("Version of this format: 1."),
  replicas: count({ min: 1, max: 1000 })
    .default(1)
    .describe("Gateways that run with this file, this one included: what each counts for itself is then not the whole."),
  workers: z
    .union([count(WORKERS), z.literal("auto")], {
      error: `expected a whole number from ${WORKERS.min} to ${WORKERS.max}, or auto`,
    })
    .default(1)
    .describe(
      "Processes that serve requests: 1 is the gateway itself; `auto`: as many as the machine has cores. Limits are for all of them together (C37).",
    ),
  listeners: z.array(listenerSchema).min(1, { error: "expected at least one listener" }).describe("Doors for clients."),
  admin: adminSchema
    .prefault({})
    .describe("The operator's door: plan, routing, reload; health and metrics where `status` is absent."),
  status: statusSchema
    .optional()
    .describe("A door for probes: health, ready, metrics. Left out: they are on the admin listener."),
  gateway_identity: gatewayIdentitySchema
    .prefault({})
    .describe("Who the gateway is to interceptors: what it calls itself and the keys it signs with."),
  trusted_proxies: trustedProxiesSchema.prefault({}).describe("Whose word about the client's address is believed."),
  secrets: secretsSchema.prefault({}).describe("More names that are never shown."),
  log: logSchema.prefault({}).describe("What is written to the log."),
  drain: duration({ minMs: 0, maxMs: HOUR_MS }).prefault("30s").describe("How long exchanges may take to finish at shutdown."),
  drain_delay: duration({ minMs: 0, maxMs: HOUR_MS })
    .prefault("0s")
    .describe(
      "How long the gateway still takes new connections at shutdown after `/ready` says no: as long as whoever sends it traffic takes to notice.",
    ),
  overload: overloadSchema
    .prefault({})
    .describe("Beyond which requests are answered 503 with `Retry-After` before anything is done for them (R12)."),
  max_captured_bytes: size({ minBytes: MIB, maxBytes: 64 * GIB })
    .prefault("256MiB")
    .describe(
      "Memory for bodies held for review or for transcoding, over all exchanges; what finds no room is refused with 503 (C24).",
    ),
  review_budget: reviewBudget
    .prefault(formatDuration(LIMITS.reviewBudgetMs.fallback))
    .describe("Time for all synchronous reviews of one exchange; also per route."),
  defaults: defaults
    .prefault({})
    .describe(
      "Values for every route, upstream and interceptor that does not set them. Maps merge by key, lists replace, `null` takes a value back.",
    ),
  upstreams: z.record(name, upstreamSchema).default({}).describe("Where requests go, by name."),
  authenticators: z
    .record(name, authenticatorSchema)
    .default({})
    .describe("How callers are recognised, by name. `anonymous` is built in."),
  routes: z.array(routeSchema).prefault([]).describe("Which requests are served. The order in the file never matters."),
  interceptors: z.array(interceptorSchema).prefault([]).describe("External review services."),
  require: z
    .array(requireSchema)
    .prefault([])
    .describe("Claims that routes are reviewed; the file is refused where one does not hold."),
});

/** The configuration as the program sees it. Only for a file without issues. */
export function toGatewayConfig(parsed: z.output<typeof configSchema>, files: LoadedFiles): GatewayConfig {
  const surroundings = { listeners: parsed.listeners.map((each) => each.name), reviewBudgetMs: parsed.review_budget };
  const routeNames = parsed.routes.map((each) => each.name);
  return {
    version: parsed.version,
    replicas: parsed.replicas,
    workers: parsed.workers,
    listeners: parsed.listeners.map((each) => toListener(each, files)),
    admin: { address: parsed.admin.address, tokenFile: files.resolve(parsed.admin.token_file) },
    status: parsed.status,
    gatewayIdentity: toGatewayIdentity(parsed.gateway_identity, files),
    trustedProxies: parsed.trusted_proxies,
    secrets: parsed.secrets,
    log: parsed.log,
    drainMs: parsed.drain,
    drainDelayMs: parsed.drain_delay,
    overload: {
      maxRequests: parsed.overload.max_requests,
      loopDelayMs: parsed.overload.loop_delay,
      heapShare: parsed.overload.heap_percent / 100,
    },
    maxCapturedBytes: parsed.max_captured_bytes,
    upstreams: Object.entries(parsed.upstreams).map(([name, each]) => toUpstream(name, each, files)),
    authenticators: Object.entries(parsed.authenticators).map(([name, each]) => toAuthenticator(name, each, files)),
    routes: parsed.routes.map((each) => toRoute(each, surroundings)),
    interceptors: parsed.interceptors.map((each) => toInterceptor(each, files)),
    require: parsed.require.map((each) => toRequire(each, routeNames)),
  };
}
