import type { BindingPlan, ExecutionPlan, InterceptorPlan } from "../model/plan.ts";
import type { CorsPlan, EventStreamPlan, HttpCallPlan, RoutePlan } from "../model/route-plan.ts";
import type { EndpointPlan, ResponseFallback, UpstreamPlan } from "../model/upstream-plan.ts";
import { formatDuration } from "../support/durations.ts";
import { formatSize } from "../support/sizes.ts";
import { sha256Hex } from "../support/hash.ts";
import type { FactTable } from "./diff-facts.ts";

// What a difference of plans tells, member by member: nothing that may be a secret, and no two facts of one name in a table.

const pairs = (map: Readonly<Record<string, string>> | undefined): readonly string[] =>
  Object.entries(map ?? {}).map(([name, value]) => `${name}=${value}`);

const yesNo = (value: boolean): string => (value ? "yes" : "no");

/** What a header or a parameter must be may be a shared secret: that it changed is told, not to what. */
const digested = (map: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(map).map(([name, value]) => `${name} (sha256 ${sha256Hex(value).slice(0, 8)})`);

/** Absent means all, which no list can say. */
const anyOf = (list: readonly string[] | undefined): readonly string[] | string => list ?? "all";

const anyIfEmpty = (list: readonly string[]): readonly string[] | string => (list.length === 0 ? "any" : list);

/** Bindings are told of by themselves: what a route gains or loses is in their `routes`. */
export const ROUTE_FACTS: FactTable<RoutePlan, "name" | "bindings"> = {
  listeners: ({ listeners }) => ({ listeners }),
  match: ({ match }) => ({
    hosts: anyIfEmpty(match.hosts),
    path: match.path,
    methods: anyIfEmpty(match.methods),
    "required headers": digested(match.headers),
    "required query": digested(match.query),
    "required labels": pairs(match.labels),
  }),
  authenticate: ({ authenticate }) => ({ authenticate: authenticate.join(", ") }),
  upstream: ({ upstream }) => ({ upstream }),
  labels: ({ labels }) => ({ labels: pairs(labels) }),
  maxBodyBytes: ({ maxBodyBytes }) => ({ max_body_bytes: formatSize(maxBodyBytes) }),
  reviewBudgetMs: ({ reviewBudgetMs }) => ({ review_budget: formatDuration(reviewBudgetMs) }),
  streaming: ({ streaming }) => ({ streaming }),
  websocket: ({ websocket }) => ({
    websocket: `idle ${formatDuration(websocket.idleMs)}, max_message_bytes ${formatSize(websocket.maxMessageBytes)}`,
  }),
  transcode: ({ transcode }) => ({
    transcode: transcode?.services ?? [],
    "transcode/rules": (transcode?.rules ?? []).flatMap(({ method, calls }) =>
      calls.map((call) => `${callText(call)} as ${method}`),
    ),
    "transcode/sse": (transcode?.sse ?? []).map(eventsText),
  }),
  warnings: ({ warnings }) => ({ warnings: yesNo(warnings) }),
  errorFormat: ({ errorFormat }) => ({ error_format: errorFormat }),
  upstreamErrors: ({ upstreamErrors: { client, server } }) => ({ "upstream_errors/4xx": client, "upstream_errors/5xx": server }),
  cors: ({ cors }) => corsFacts(cors),
  guardedBy: ({ guardedBy }) => ({ "closed until described": guardedBy }),
};

/** Without the policy nothing is said of its terms: that it came or went is in its origins. */
const corsFacts = (cors: CorsPlan | undefined): Readonly<Record<string, readonly string[] | string>> => ({
  "cors/origins": cors?.origins ?? [],
  "cors/methods": cors === undefined ? "" : (cors.methods ?? "any"),
  "cors/headers": cors === undefined ? "" : (cors.headers ?? "any"),
  "cors/expose": cors?.expose ?? [],
  "cors/max_age": cors === undefined ? "" : formatDuration(cors.maxAgeMs),
  "cors/credentials": cors === undefined ? "" : yesNo(cors.credentials),
  "cors/private_network": cors === undefined ? "" : yesNo(cors.privateNetwork),
});

/** The digest follows from the rest. */
export const BINDING_FACTS: FactTable<BindingPlan, "interceptor" | "id" | "phase" | "digest" | "configJson"> = {
  described: ({ described }) => ({ described: yesNo(described) }),
  mode: ({ mode }) => ({ mode }),
  enforcement: ({ enforcement }) => ({ enforcement }),
  percent: ({ percent }) => ({ percent: String(percent) }),
  order: ({ order }) => ({ order: order.join("/") }),
  selector: ({ selector }) => ({
    routes: selector.routes,
    hosts: anyOf(selector.hosts),
    paths: anyOf(selector.paths),
    methods: anyOf(selector.methods),
    principals: anyOf(selector.principals),
    labels: pairs(selector.labels),
    when: selector.when ?? "",
    "hosts of the manifest": anyOf(selector.manifest.hosts),
    "paths of the manifest": anyOf(selector.manifest.paths),
    "methods of the manifest": anyOf(selector.manifest.methods),
  }),
  needs: ({ needs }) => ({ needs: { granted: needs } }),
  writes: ({ writes }) => ({ writes: { granted: writes } }),
  ownsHeaders: ({ ownsHeaders }) => ({ owns_headers: { granted: ownsHeaders } }),
  foreignHeaders: ({ foreignHeaders }) => ({ "headers of others": foreignHeaders }),
  expose: ({ expose }) => ({ expose: { granted: expose } }),
  may: ({ may }) => ({ may: { granted: may } }),
  body: ({ body }) => ({ body: body ?? "" }),
  decode: ({ decode }) => ({ decode }),
  failurePolicy: ({ failurePolicy }) => ({ failure_policy: failurePolicy }),
  onUnreviewable: ({ onUnreviewable }) => ({ on_unreviewable: onUnreviewable }),
  idempotent: ({ idempotent }) => ({ idempotent: yesNo(idempotent) }),
  cache: ({ cache }) => ({
    cache:
      cache === undefined
        ? ""
        : `max_ttl ${formatDuration(cache.maxTtlMs)}, max_negative_ttl ${formatDuration(cache.maxNegativeTtlMs)}, max_entries ${cache.maxEntries}, shared ${yesNo(cache.shared)}, revocable ${yesNo(cache.revocable)}`,
  }),
  limits: ({ limits }) => ({
    timeout: formatDuration(limits.timeoutMs),
    max_patches: String(limits.maxPatches),
    max_response_bytes: formatSize(limits.maxResponseBytes),
    max_body_bytes: formatSize(limits.maxBodyBytes),
  }),
  configDigest: ({ configDigest }) => ({ "digest of config": configDigest.slice(0, 12) }),
};

export const INTERCEPTOR_FACTS: FactTable<InterceptorPlan, "name"> = {
  endpoints: ({ endpoints }) => ({ endpoints }),
  described: ({ described }) => ({ described: yesNo(described) }),
  version: ({ version }) => ({ version }),
  grant: ({ grant }) => ({ grant }),
  maxConcurrentReviews: ({ maxConcurrentReviews }) => ({ max_concurrent_reviews: String(maxConcurrentReviews) }),
  maxPendingReviews: ({ maxPendingReviews }) => ({ max_pending_reviews: String(maxPendingReviews) }),
  required: ({ required }) => ({ "waited for at start": yesNo(required) }),
};

export const UPSTREAM_FACTS: FactTable<UpstreamPlan, "name"> = {
  protocol: ({ protocol }) => ({ protocol }),
  endpoints: ({ endpoints }) => ({ endpoints: endpoints.map(endpointText) }),
  balance: ({ balance }) => ({ balance }),
  hashBy: ({ hashBy }) => ({ hash_by: hashBy }),
  maxRequests: ({ maxRequests }) => ({ max_requests: String(maxRequests) }),
  breaker: ({ breaker }) => ({
    breaker: `${breaker.failures} failures within ${formatDuration(breaker.windowMs)}, open ${formatDuration(breaker.openMs)} to ${formatDuration(breaker.longestOpenMs)}, at most ${breaker.maxPercent} % of endpoints`,
  }),
  health: ({ health }) => ({
    health:
      health === undefined
        ? ""
        : `GET ${health.path}${health.host === undefined ? "" : ` of ${health.host}`} every ${formatDuration(health.intervalMs)}, timeout ${formatDuration(health.timeoutMs)}, ${health.healthy} up, ${health.unhealthy} down${listText(" on ", health.statuses)}`,
  }),
  retry: ({ retry }) => ({
    retry: `${retry.attempts} attempts${listText(" on ", [...retry.on, ...retry.statuses])}, backoff ${formatDuration(retry.backoffMs)}, budget ${retry.budget.percent} % (at least ${retry.budget.min})`,
  }),
  tls: ({ tls }) => ({
    tls:
      tls === undefined
        ? ""
        : `${tls.serverName ?? "name of each endpoint"}, ${tls.authorities} authorities, ${tls.showsCertificate ? "shows a certificate" : "shows none"}`,
  }),
  dns: ({ dns }) => ({ dns: `every ${formatDuration(dns.refreshMs)}, timeout ${formatDuration(dns.timeoutMs)}` }),
  fallback: ({ fallback }) => ({ fallback: fallback.join(", ") }),
  fallbackOn: ({ fallbackOn }) => ({ "fallback on a response": fallbackOn.map(responseFallbackText) }),
  timeouts: ({ timeouts }) => ({
    "connect timeout": formatDuration(timeouts.connectMs),
    "first_byte timeout": formatDuration(timeouts.firstByteMs),
    "idle timeout": formatDuration(timeouts.idleMs),
    "total timeout": timeouts.totalMs === undefined ? "" : formatDuration(timeouts.totalMs),
  }),
  descriptorSetDigest: ({ descriptorSetDigest }) => ({ "digest of the descriptor set": descriptorSetDigest?.slice(0, 12) ?? "" }),
  credentialSlot: ({ credentialSlot }) => ({ credential: credentialSlot ?? "" }),
};

const eventsText = ({ method, retryMs, keepAliveMs, ...names }: EventStreamPlan): string => {
  const given = Object.entries(names).flatMap(([key, value]) => (value === "" ? [] : [`${key} ${value}`]));
  return [method, ...given, `retry ${formatDuration(retryMs)}`, `keep_alive ${formatDuration(keepAliveMs)}`].join(" ");
};

const callText = ({ httpMethod, path, body, responseBody }: HttpCallPlan): string =>
  `${httpMethod} ${path}${body === "" ? "" : ` body ${body}`}${responseBody === "" ? "" : ` response_body ${responseBody}`}`;

const listText = (before: string, list: readonly (string | number)[]): string =>
  list.length === 0 ? "" : `${before}${list.join(", ")}`;

/** An endpoint as people read it: what is as usual is left out. */
export const endpointText = ({ url, weight, priority }: EndpointPlan): string =>
  `${url}${weight === 1 ? "" : ` weight ${weight}`}${priority === 0 ? "" : ` priority ${priority}`}`;

export const AUTHENTICATOR_FACTS: FactTable<ExecutionPlan["authenticators"][number], "name"> = {
  type: ({ type }) => ({ type }),
  slots: ({ slots }) => ({ slots }),
};

export const HIDDEN_FACTS: FactTable<ExecutionPlan["hidden"], never> = {
  headers: ({ headers }) => ({ headers }),
  query: ({ query }) => ({ query }),
  subprotocols: ({ subprotocols }) => ({ subprotocols }),
};

/** One line: who is asked, on what. */
export const responseFallbackText = ({ upstream, statuses, bodyContains, maxBodyBytes }: ResponseFallback): string =>
  `${upstream} on ${statuses.join(" ")}${bodyContains === undefined ? "" : ` with ${JSON.stringify(bodyContains)}`}, keeping ${formatSize(maxBodyBytes)}`;
