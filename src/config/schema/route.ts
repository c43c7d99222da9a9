import { z } from "zod";
import { grpcPath, parsePathPattern } from "../path-pattern.ts";
import { LIMITS } from "../../model/limits.ts";
import type { PathPattern } from "../../model/path-pattern.ts";
import type { RouteConfig } from "../gateway-config.ts";
import { corsSchema, toCors } from "./cors.ts";
import { headerKey, hostPattern, method, queryName } from "./http-words.ts";
import { grpcMethod, grpcName } from "./grpc-words.ts";
import { duration, GIB, labelMap, name, nonEmpty, size, written } from "./primitives.ts";
import { toTranscode, transcode } from "./transcode.ts";

/** A path pattern, for routes and selectors. */
export const pathPattern = written<PathPattern>({
  title: "path pattern",
  expected: "a path such as /v1/orders/**",
  pattern: "^/",
  parse: parsePathPattern,
});

/** Time for all synchronous reviews of one exchange (C20). */
export const reviewBudget = duration({ minMs: LIMITS.reviewBudgetMs.min, maxMs: LIMITS.reviewBudgetMs.max });

const errorPolicy = z.enum(["verbatim", "opaque", "bad-gateway"]);

const upstreamErrors = z.strictObject({
  "4xx": errorPolicy
    .default("verbatim")
    .describe("`verbatim`: as it comes. `opaque`: its status with a body of the gateway's own. `bad-gateway`: 502 instead."),
  "5xx": errorPolicy.default("opaque").describe("The same for 500 and above."),
});

const match = z.strictObject({
  hosts: z.array(hostPattern).prefault([]).describe("Hosts, exact or `*.example.org`; empty: any."),
  path: pathPattern
    .optional()
    .describe("Path pattern: `*` is one segment, `:name` the same, `**` at the end any number. This or `grpc`."),
  grpc: z
    .strictObject({
      service: grpcName.optional().describe("Full name of the service, `package.Service`; left out: any."),
      method: grpcMethod.optional().describe("Name of the method; left out: any."),
    })
    .optional()
    .describe("gRPC calls, by service and method. This or `path`."),
  methods: z
    .array(method)
    .prefault([])
    .describe("Methods, GET including HEAD; empty: any. A path that matches with another method is answered 405."),
  headers: z.record(headerKey, z.string()).default({}).describe("Headers the request must have, each with exactly this value."),
  query: z
    .record(queryName, z.string())
    .default({})
    .describe("Query parameters the request must have, each once and with exactly this value."),
  labels: labelMap.default({}).describe("Labels the request must have, each with exactly this value."),
});

const webSocket = z.strictObject({
  idle: duration({ minMs: 10, maxMs: 86_400_000 })
    .prefault("5m")
    .describe("Longest silence in both directions, pings included; then it is closed with 1001."),
  max_message_bytes: size({ minBytes: 1, maxBytes: 64 * GIB })
    .prefault("16MiB")
    .describe("Largest message, over all its frames and as sent; beyond: closed with 1009."),
});

/** One entry of `routes`, defaults already merged in. */
export const routeSchema = z.strictObject({
  name: name.describe("Name of the route, unique."),
  listeners: nonEmpty(name, "listener").optional().describe("Listeners the route is served on; left out: all."),
  match: match.describe("Which requests take this route."),
  authenticate: z
    .array(name)
    .min(1, { error: "expected at least one authenticator: an open route says [anonymous]" })
    .describe("Who may come: authenticators tried in order, `[anonymous]` for everybody. Required here or in `defaults.route`."),
  upstream: name.describe("Where the requests go: a name under `upstreams`."),
  labels: labelMap.default({}).describe("Labels of the route itself, shown as `route.labels`."),
  error_format: z
    .enum(["problem", "openai", "simple"])
    .default("problem")
    .describe(
      "Form of the gateway's own error answers: RFC 9457 problem details, what SDKs of LLM providers read, or `code`, `message`, `retryable`.",
    ),
  upstream_errors: upstreamErrors
    .prefault({})
    .describe("What clients see of the upstream's errors. Reviews after the response see the same."),
  max_body_bytes: size({ minBytes: 0, maxBytes: 64 * GIB })
    .prefault("10MiB")
    .describe("Largest request body; beyond: 413."),
  streaming: z
    .enum(["auto", "none", "sse", "websocket", "grpc"])
    .default("auto")
    .describe(
      "Whether responses are streams: by their content type, never, or always server-sent events, or gRPC calls. WebSocket handshakes are let through by `websocket`, and by `auto` where no binding reviews bodies.",
    ),
  websocket: webSocket.prefault({}).describe("What an open WebSocket may do."),
  transcode: transcode
    .optional()
    .describe("Offers gRPC services as HTTP and JSON, as `google.api.http` says, else by POST to `/package.Service/Method`."),
  policies: z
    .strictObject({ cors: corsSchema.optional().describe("Which pages of other origins may use the route from a browser.") })
    .prefault({})
    .describe("What the gateway does itself on the route; `null` takes a policy of `defaults.route` back."),
  warnings: z.boolean().default(false).describe("Whether warnings of interceptors are sent as `sallyport-warning` headers."),
  review_budget: reviewBudget
    .optional()
    .describe("Time for all reviews of one exchange; left out: the top-level `review_budget`."),
});

/** `defaults.route`: every key of a route that does not name it. */
export const routeDefaultsSchema = routeSchema.omit({ name: true, match: true, upstream: true }).partial();

/** What a route takes from outside itself. */
export interface RouteSurroundings {
  readonly listeners: readonly string[];
  readonly reviewBudgetMs: number;
}

/** gRPC calls are POSTs to the path their service and method make. */
function toMatch({ path, grpc, ...rest }: z.output<typeof match>): RouteConfig["match"] {
  if (path !== undefined) return { ...rest, path };
  const pattern = parsePathPattern(grpcPath(grpc?.service, grpc?.method));
  // the names were judged, and there are two of them
  if (!pattern.ok) throw new Error(`a gRPC name that makes no path: ${pattern.error}`);
  return { ...rest, path: pattern.value, methods: ["POST"] };
}

/** The route as the program sees it. */
export function toRoute(parsed: z.output<typeof routeSchema>, surroundings: RouteSurroundings): RouteConfig {
  const match = toMatch(parsed.match);
  const { cors } = parsed.policies;
  return {
    name: parsed.name,
    listeners: parsed.listeners ?? surroundings.listeners,
    match,
    authenticate: parsed.authenticate,
    upstream: parsed.upstream,
    labels: parsed.labels,
    errorFormat: parsed.error_format,
    upstreamErrors: { client: parsed.upstream_errors["4xx"], server: parsed.upstream_errors["5xx"] },
    cors: cors === undefined ? undefined : toCors(cors, match.methods),
    maxBodyBytes: parsed.max_body_bytes,
    streaming: parsed.streaming,
    websocket: { idleMs: parsed.websocket.idle, maxMessageBytes: parsed.websocket.max_message_bytes },
    warnings: parsed.warnings,
    transcode: parsed.transcode === undefined ? undefined : toTranscode(parsed.transcode),
    reviewBudgetMs: parsed.review_budget ?? surroundings.reviewBudgetMs,
  };
}
