import { LIMITS } from "../../model/limits.ts";
import { ok, type Result } from "../../model/result.ts";
import type { CallCredential } from "../../ports/call-credential.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { ReviewClient, ReviewClientStatus } from "../../ports/review-client.ts";
import { Admission, type AdmissionLimits } from "../../support/admission.ts";
import type { BreakerTerms } from "../../support/breaker.ts";
import type { PemMaterial } from "../certificates/pem-files.ts";
import { receiveLimit, reviewerOf } from "./ask-review.ts";
import { KnownVerdicts } from "./cache/known-verdicts.ts";
import { DescribeAgain } from "./describe-again.ts";
import { encodeDescribe } from "./describe.ts";
import { ANY_MANIFEST, DescribeLinks, type ManifestTerms } from "./describe-links.ts";
import type { ReviewEndpoint } from "./endpoint.ts";
import { InterceptorLink, type LinkDeps } from "./link.ts";
import { LinkPool } from "./link-pool.ts";
import { TRANSPORTS, type TransportName } from "./transport/transports.ts";
import type { SocketFacts } from "./unix/socket-facts.ts";
import { PacedLog } from "./watch/paced-log.ts";

/** One interceptor to be reached over gRPC. */
export interface GrpcReviewClientConfig {
  /** The operator's name for it. */
  readonly name: string;
  /** At least one; replicas that are all alike. */
  readonly endpoints: readonly (ReviewEndpoint & { /** As the operator writes it. */ readonly url: string })[];
  /** What calls go over. Default: our own. */
  readonly transport?: TransportName;
  /** When an endpoint is asked no more for a while. Default: five failures in a row, half a second. */
  readonly breaker?: BreakerTerms;
  /** Default: any may be in force, and two that differ by `version` only are alike. */
  readonly manifests?: ManifestTerms;
  /** For TLS: the authorities trusted to name the service, and our own certificate. Without them every call fails `unavailable`. */
  readonly tls: PemMaterial | undefined;
  /** What calls show of who makes them (C38); never over `grpc://`. Without a valid one no call is made. */
  readonly credential?: CallCredential | undefined;
  readonly gatewayId: string;
  readonly gatewayVersion: string;
  /** Reviews in flight at once, at all endpoints together. */
  readonly maxConcurrentReviews: number;
  /** Reviews that may wait for one of them to end. */
  readonly maxPendingReviews: number;
  /** Workers that each have such a client: the places beside the path are for all of them together (C37). Default: 1. */
  readonly workers?: number;
}

/** A `ReviewClient` over gRPC that can be changed while it is used. */
export interface GrpcReviewClient extends ReviewClient {
  /** Connects anew with other certificates; calls in flight finish on the old connection. On an error the old certificates stay. */
  rotate(tls: PemMaterial): Result<void, string>;
  /** For reviews from now on; those in flight or waiting stay. */
  setLimits(limits: Pick<GrpcReviewClientConfig, "maxConcurrentReviews" | "maxPendingReviews">): void;
}

/** What a client is made with. */
export interface GrpcReviewClientDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** What unix sockets are checked by. Default: what this machine says. */
  readonly sockets?: SocketFacts;
}

const BREAKER: BreakerTerms = { failures: 5, openMs: 500 };

/** What is beside the path has places of its own, a quarter of those of reviews that decide: however slow, it takes none of theirs (C29, C33). */
const ASIDE = {
  observe: { mostInside: 16, maxWaiting: 1024 },
  shadow: { mostInside: 64, maxWaiting: 256 },
} as const;

const limitsAside = (kind: keyof typeof ASIDE, maxConcurrentReviews: number, workers = 1): AdmissionLimits => ({
  maxInside: Math.min(share(ASIDE[kind].mostInside, workers), Math.max(1, Math.floor(maxConcurrentReviews / 4))),
  maxWaiting: share(ASIDE[kind].maxWaiting, workers),
});

const share = (limit: number, workers: number): number => Math.max(1, Math.floor(limit / workers));

/** Of every kind and over all workers, which is what the service may see at once. */
const mostInFlight = (maxConcurrentReviews: number, workers = 1): number =>
  workers *
  (maxConcurrentReviews +
    limitsAside("observe", maxConcurrentReviews, workers).maxInside +
    limitsAside("shadow", maxConcurrentReviews, workers).maxInside);

/** Connects to an interceptor and stays connected. Closing lets calls in flight finish; later ones fail `unavailable`. */
export function grpcReviewClient(
  config: GrpcReviewClientConfig,
  { clock, log, sockets }: GrpcReviewClientDeps,
): GrpcReviewClient {
  const { name, gatewayId, manifests = ANY_MANIFEST } = config;
  let { maxConcurrentReviews } = config;
  const aside = (kind: keyof typeof ASIDE): AdmissionLimits => limitsAside(kind, maxConcurrentReviews, config.workers);
  const again = new DescribeAgain(clock);
  const admissions = {
    enforce: new Admission({ maxInside: maxConcurrentReviews, maxWaiting: config.maxPendingReviews }, clock),
    observe: new Admission(aside("observe"), clock),
    shadow: new Admission(aside("shadow"), clock),
  };
  const links = openLinks(config, {
    clock,
    log,
    sockets,
    // a Describe under way asks the service that was just reached
    onReady: ({ asking }) => {
      if (asking === 0) again.wish();
    },
    onFailure: (link) => pool.failed(link),
    onClosed: (link) => pool.closed(link),
    watch: {
      gatewayId,
      listeners: {
        onManifestChanged: () => again.wish(),
        onRevoke: (tags) => void known.revoke(tags),
        onUp: () => known.regainTouch(),
        onDown: () => known.loseTouch(),
      },
    },
  });
  const known = new KnownVerdicts({
    clock,
    log: new PacedLog(log, clock, { interceptor: name }),
    isInTouch: () => links.every(({ isWatched }) => isWatched),
    maxFollowers: config.maxPendingReviews,
    workers: config.workers,
  });
  const pool = new LinkPool(links, { interceptor: name, log });
  const describing = new DescribeLinks(links, { clock, log, interceptor: name, manifests, onMissed: () => again.wish() });
  return {
    describe: (bindings, { deadlineMs, cancel }) =>
      describing.ask(encodeDescribe(bindings, toldOf(config, maxConcurrentReviews)), { timeMs: deadlineMs, cancel }),
    reviewer: (binding, hidden) =>
      known.reviewer(binding, hidden, (encode) =>
        reviewerOf(binding, encode, {
          links: pool,
          admission: admissions[binding.mode === "observe" ? "observe" : binding.enforcement],
          clock,
          onConfigUnknown: () => again.wish(),
        }),
      ),
    revoke: (tags) => known.revoke(tags),
    onRevoked: (listener) => known.onRevoked(listener),
    onDescribeAgain: (listener) => again.on(listener),
    status: () => statusOf(links, { pendingReviews: admissions.enforce.waiting + known.waiting, cachedVerdicts: known.size }),
    rotate: (pems) => rotateAll(links, pems),
    setLimits(limits) {
      maxConcurrentReviews = limits.maxConcurrentReviews;
      known.setLimit(limits.maxPendingReviews);
      admissions.enforce.setLimits({ maxInside: limits.maxConcurrentReviews, maxWaiting: limits.maxPendingReviews });
      admissions.observe.setLimits(aside("observe"));
      admissions.shadow.setLimits(aside("shadow"));
    },
    async [Symbol.asyncDispose]() {
      again.close();
      known.close();
      describing.close();
      for (const link of links) link.close();
    },
  };
}

/** What a service is told of the gateway in Describe. */
const toldOf = ({ gatewayId, gatewayVersion, workers }: GrpcReviewClientConfig, maxConcurrentReviews: number) => ({
  gatewayId,
  gatewayVersion,
  maxConcurrentReviews: mostInFlight(maxConcurrentReviews, workers),
});

const openLinks = (
  { name, endpoints, tls, credential, gatewayVersion, transport = "lean", breaker = BREAKER }: GrpcReviewClientConfig,
  deps: LinkDeps,
): readonly InterceptorLink[] =>
  endpoints.map(
    (endpoint) =>
      new InterceptorLink(
        {
          name,
          url: endpoint.url,
          endpoint,
          pems: tls,
          credential,
          gatewayVersion,
          openTransport: TRANSPORTS[transport],
          breaker,
          receiveLimitBytes: receiveLimit(LIMITS.maxResponseBytes.fallback),
        },
        deps,
      ),
  );

function statusOf(
  links: readonly InterceptorLink[],
  counts: Pick<ReviewClientStatus, "pendingReviews" | "cachedVerdicts">,
): ReviewClientStatus {
  const endpoints = links.map(({ status }) => status);
  const faulty = endpoints.find(({ fault }) => fault !== undefined);
  const { url, fault } = faulty ?? {};
  return {
    connected: links.some(({ channel }) => channel.connected),
    endpoints,
    ...counts,
    ...(fault === undefined ? {} : { fault: links.length === 1 ? fault : `${url}: ${fault}` }),
  };
}

/** All or none: the same material is fit for all or for none. */
function rotateAll(links: readonly InterceptorLink[], pems: PemMaterial): Result<void, string> {
  for (const { channel } of links) {
    const rotated = channel.rotate(pems);
    if (!rotated.ok) return rotated;
  }
  return ok(undefined);
}
