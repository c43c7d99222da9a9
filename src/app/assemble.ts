import { compilePointers, type PointerSet } from "@sallyport/contract/view-field.ts";
import type { GatewayConfig, UpstreamConfig, UpstreamCredential } from "../config/gateway-config.ts";
import { parsePathPattern } from "../config/path-pattern.ts";
import { compilePredicate } from "../expressions/compile-predicate.ts";
import { METRICS } from "../model/metrics-table.ts";
import type { CredentialSlot } from "../model/credential-slot.ts";
import type { BindingPlan, ExecutionPlan } from "../model/plan.ts";
import type { RoutePlan } from "../model/route-plan.ts";
import type { ResponseFallback } from "../model/upstream-plan.ts";
import type { Authenticator } from "../ports/authenticator.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventStreams } from "../ports/event-streams.ts";
import type { Ids } from "../ports/ids.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { ReviewClient } from "../ports/review-client.ts";
import type { Predicate, RouteInputs, RunnableBinding, RunnablePlan, RunnableRoute, ToUpstream } from "../ports/runnable-plan.ts";
import type { Upstream } from "../ports/upstream.ts";
import { transcodingUpstream, type TranscodingTerms } from "../adapters/upstream/grpc/transcode/transcoding-upstream.ts";
import { enforces } from "../plan/enforces.ts";
import { routeTable } from "../plan/route-table.ts";
import { apiKey } from "../policies/authenticate/api-key.ts";
import { staticToken } from "../policies/authenticate/static-token.ts";
import { cors } from "../policies/cors/cors.ts";
import { toClientResponse } from "../policies/forward/to-client-response.ts";
import { shownResponses } from "../policies/forward/to-shown-response.ts";
import { credentialsRemoved, upstreamRequests, type ForwardTerms } from "../policies/forward/to-upstream-request.ts";
import { addressSet, type AddressSet } from "../support/cidr.ts";
import { ingress } from "../policies/ingress/receive.ts";
import { reviewInstruments, routeInstruments, SHOWN_FROM_START } from "./instruments.ts";
import type { Lease } from "./resource-pool.ts";
import { routeApis, type ApiResult } from "./route-apis.ts";
import { routeBindings } from "./route-bindings.ts";

/** What a plan needs to run; acquired before, given back after. */
export interface PlanResources {
  readonly clients: ReadonlyMap<string, ReviewClient>;
  readonly upstreams: ReadonlyMap<string, Lease<Upstream>>;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly eventStreams: EventStreams;
}

/** Turns a compiled plan into one that runs: names into resources, conditions into predicates, labels into bound instruments. Once per generation. */
export function assemble(plan: ExecutionPlan, config: GatewayConfig, resources: PlanResources): RunnablePlan {
  const hidden = { headers: new Set(plan.hidden.headers), query: new Set(plan.hidden.query) };
  const bindSeries = plan.routes.length <= SHOWN_FROM_START && plan.bindings.length <= SHOWN_FROM_START ? "now" : "on-use";
  const bindings = plan.bindings.map((binding, rank) => runnableBinding(binding, { rank, hidden, bindSeries, resources }));
  const authenticators = new Map(config.authenticators.map((entry) => [entry.name, authenticatorOf(entry, resources.clock)]));
  const upstreams = new Map(config.upstreams.map((entry) => [entry.name, entry]));
  const parts: RouteParts = {
    config,
    upstreams,
    bindingsOf: routeBindings(bindings),
    apiOf: apisOf(config),
    bindSeries,
    authenticators,
    resources,
  };
  const routes = plan.routes.map((route) => runnableRoute(route, parts));
  const table = routeTable(routes.map((route) => ({ plan: route.plan, pattern: patternOf(route.plan), route })));
  const receive = ingress({
    trustedProxies: { ...config.trustedProxies, addresses: trustedAddresses(config) },
    singleValued: singleValuedHeaders(plan, config),
    credentialSubprotocols: plan.hidden.subprotocols,
  });
  return {
    plan,
    hidden,
    inputs: inputsOf(plan),
    match: table,
    receive: (received) => receive(received, resources.ids),
    toClient: toClientResponse,
  };
}

function patternOf(route: RoutePlan): Parameters<typeof routeTable>[0][number]["pattern"] {
  const parsed = parsePathPattern(route.match.path);
  if (!parsed.ok) throw new Error(`plan holds a path pattern that does not parse: ${route.match.path}`);
  return parsed.value;
}

function trustedAddresses({ trustedProxies }: GatewayConfig): AddressSet {
  const set = addressSet(trustedProxies.cidrs);
  // the schema has read the same ranges
  if (!set.ok) throw new Error(`configuration holds a range that does not parse: ${set.error}`);
  return set.value;
}

function inputsOf({ routes }: ExecutionPlan): RouteInputs {
  return {
    headers: new Set(routes.flatMap(({ match }) => Object.keys(match.headers))),
    query: new Set(routes.flatMap(({ match }) => Object.keys(match.query))),
    labels: new Set(routes.flatMap(({ match }) => Object.keys(match.labels))),
  };
}

/** Headers whose meaning would depend on who reads which line (C25): credentials and owned ones. */
function singleValuedHeaders(plan: ExecutionPlan, config: GatewayConfig): ReadonlySet<string> {
  const slots = config.authenticators.flatMap((authenticator) =>
    authenticator.slots.flatMap((slot) => (slot.kind === "header" ? [slot.name] : [])),
  );
  return new Set([...slots, ...plan.bindings.filter(enforces).flatMap(({ ownsHeaders }) => ownsHeaders)]);
}

function authenticatorOf(entry: GatewayConfig["authenticators"][number], clock: Clock): Authenticator {
  switch (entry.type) {
    case "static-token":
      return staticToken(entry);
    case "api-key":
      return apiKey(entry, { clock });
    default:
      return entry satisfies never;
  }
}

function apisOf(config: GatewayConfig): RouteParts["apiOf"] {
  const apiOf = routeApis(config);
  const routes = new Map(config.routes.map((route) => [route.name, route]));
  return (name) => {
    const route = routes.get(name);
    return route === undefined ? undefined : apiOf(route);
  };
}

interface RouteParts {
  readonly config: GatewayConfig;
  readonly upstreams: ReadonlyMap<string, UpstreamConfig>;
  readonly bindingsOf: ReturnType<typeof routeBindings>;
  readonly apiOf: (route: string) => ApiResult | undefined;
  readonly bindSeries: "now" | "on-use";
  readonly authenticators: ReadonlyMap<string, Authenticator>;
  readonly resources: PlanResources;
}

function runnableRoute(route: RoutePlan, parts: RouteParts): RunnableRoute {
  const { config, resources } = parts;
  const upstream = named(resources.upstreams, route.upstream);
  const own = parts.bindingsOf(route.bindings);
  const { ownedHeaders } = own;
  const slotsFor = (name: string): readonly CredentialSlot[] =>
    inboundSlots(route, parts.upstreams.get(name)?.credential, config);
  const toUpstream = (name: string): ToUpstream =>
    upstreamRequests({ inboundSlots: slotsFor(name), ownedHeaders, ...ownTermsOf(parts.upstreams.get(name)) });
  const fallbacks = fallbacksOf(route.upstream, parts.upstreams).map((fallback) => ({
    ...fallback,
    lease: named(resources.upstreams, fallback.name),
  }));
  const api = parts.apiOf(route.name);
  // the file was read with the configuration
  if (api?.ok === false) throw new Error(`route ${route.name} offers services that cannot be read: ${api.error[0]?.message}`);
  /** An upstream that takes gRPC is offered as the route says; another that stands in for it gets the request as it came. */
  const offered = (name: string, { resource }: Lease<Upstream>): Upstream =>
    api !== undefined && parts.upstreams.get(name)?.protocol === "grpc"
      ? transcodingUpstream(resource, api.value, transcodingTerms(route, resources))
      : resource;
  return {
    plan: route,
    authenticators: route.authenticate.flatMap((name) => parts.authenticators.get(name) ?? []),
    allowsAnonymous: route.authenticate.includes("anonymous"),
    upstream: offered(route.upstream, upstream),
    fallbacks: fallbacks.map(({ name, on, lease }) => ({
      name,
      on,
      upstream: offered(name, lease),
      toUpstream: toUpstream(name),
      used: resources.metrics.counter(METRICS.upstreamFallbacks, [route.upstream, name]),
    })),
    holdUpstream: () => {
      const held = [upstream, ...fallbacks.map(({ lease }) => lease)].map((lease) => lease.share());
      // how the closing of an unused pool went changes nothing for anybody
      return () => held.forEach(({ release }) => void release().catch(() => {}));
    },
    toUpstream: toUpstream(route.upstream),
    withoutCredentials: credentialsRemoved(slotsFor(route.upstream)),
    toClient: shownResponses(route),
    cors: route.cors === undefined ? undefined : cors(route.cors),
    ...own,
    instruments: routeInstruments(resources.metrics, route.name, parts.bindSeries),
  };
}

/** What HTTP and JSON of gRPC follow from beside the services. */
function transcodingTerms(route: RoutePlan, { clock, eventStreams }: PlanResources): TranscodingTerms {
  const shown = shownResponses(route);
  return {
    alwaysEvents: route.streaming === "sse",
    errorFormat: route.errorFormat,
    shown: (answer, ids) => shown(answer, { ids }),
    clock,
    streams: eventStreams,
  };
}

/** What an upstream's requests carry: its own credential, and what they have in common for its endpoints. */
function ownTermsOf(upstream: UpstreamConfig | undefined): Pick<ForwardTerms, "credential" | "hashBy"> {
  const { credential, hashBy } = upstream ?? {};
  return {
    credential: credential === undefined ? undefined : { slot: credential.slot, reveal: () => credential.secret.reveal() },
    hashBy,
  };
}

/** Who stands in for whom, and on what response; undefined: where there is none. */
interface StandIn {
  readonly name: string;
  readonly on: (ResponseFallback & { readonly of: string }) | undefined;
}

/** Who stands in for an upstream, in the order they are asked: each with those that stand in for it behind it, each once. */
function fallbacksOf(name: string, upstreams: RouteParts["upstreams"]): readonly StandIn[] {
  const found: StandIn[] = [];
  const listed = new Set<string>();
  const list = (from: string): void => {
    const { fallback = [], fallbackOn = [] } = upstreams.get(from) ?? {};
    const next: readonly StandIn[] = [
      ...fallbackOn.map((on) => ({ name: on.upstream, on: { ...on, of: from } })),
      ...fallback.map((each) => ({ name: each, on: undefined })),
    ];
    for (const standIn of next) {
      const id = `${standIn.name} ${standIn.on === undefined ? "" : JSON.stringify(standIn.on)}`;
      if (listed.has(id)) continue;
      listed.add(id);
      found.push(standIn);
      list(standIn.name);
    }
  };
  list(name);
  return found;
}

function named<T>(map: ReadonlyMap<string, T>, name: string): T {
  const found = map.get(name);
  if (found === undefined) throw new Error(`plan names ${name}, which was not acquired`);
  return found;
}

/**
 * Slots that are emptied before the request leaves: those the route's authenticators read, and where the gateway sends a credential of
 * its own every slot a client of this gateway or of that upstream may have used, so that there is one credential in it and no other.
 * Elsewhere what no authenticator of the route reads is between client and upstream.
 */
function inboundSlots(
  route: RoutePlan,
  credential: UpstreamCredential | undefined,
  { authenticators }: GatewayConfig,
): readonly CredentialSlot[] {
  const readers = authenticators.filter(({ name }) => credential !== undefined || route.authenticate.includes(name));
  return [...readers.flatMap(({ slots }) => slots), ...(credential?.emptied ?? [])];
}

interface BindingParts extends Pick<RunnablePlan, "hidden">, Pick<RouteParts, "bindSeries" | "resources"> {
  readonly rank: number;
}

function runnableBinding(plan: BindingPlan, { rank, hidden, bindSeries, resources }: BindingParts): RunnableBinding {
  const { clients, metrics } = resources;
  const when = conditionOf(plan, hidden);
  return {
    plan,
    rank,
    name: `${plan.interceptor}/${plan.id}`,
    needs: pointers(plan.needs),
    writes: pointers(plan.writes),
    expose: pointers(plan.expose),
    review: plan.described ? named(clients, plan.interceptor).reviewer(plan, hidden) : NOT_DESCRIBED,
    when: when?.evaluate,
    whenNeedsBody: when?.needsBody ?? { request: false, response: false },
    instruments: reviewInstruments(metrics, plan, bindSeries),
  };
}

/** A binding whose interceptor has not told what it wants yet gives no verdict (C32). */
const NOT_DESCRIBED: RunnableBinding["review"] = () =>
  Promise.resolve({
    ok: false,
    error: { kind: "unavailable", reason: "not_described", message: "the interceptor was not yet described" },
  });

function conditionOf(
  plan: BindingPlan,
  hidden: RunnablePlan["hidden"],
): { readonly evaluate: Predicate; readonly needsBody: RunnableBinding["whenNeedsBody"] } | undefined {
  const { when } = plan.selector;
  if (when === undefined) return undefined;
  const compiled = compilePredicate(when, { phase: plan.phase, hidden });
  // compile() has checked the same text with the same names
  if (!compiled.ok) throw new Error(`plan holds a condition that does not compile: ${compiled.error.message}`);
  return compiled.value;
}

function pointers(list: readonly string[]): PointerSet {
  const compiled = compilePointers(list);
  if (!compiled.ok) throw new Error(`plan holds a pointer that does not parse: ${compiled.error}`);
  return compiled.value;
}
