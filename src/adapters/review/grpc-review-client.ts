import { LIMITS } from "../../model/limits.ts";
import type { Result } from "../../model/result.ts";
import type { CallCredential } from "../../ports/call-credential.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { ReviewClient } from "../../ports/review-client.ts";
import { Admission } from "../../support/admission.ts";
import type { PemMaterial } from "../certificates/pem-files.ts";
import { receiveLimit, reviewerOf } from "./ask-review.ts";
import { DescribeAgain } from "./describe-again.ts";
import { describe, encodeDescribe } from "./describe.ts";
import type { ReviewEndpoint } from "./endpoint.ts";
import { InterceptorChannel } from "./interceptor-channel.ts";
import type { SocketFacts } from "./unix/socket-facts.ts";

/** One interceptor to be reached over gRPC. */
export interface GrpcReviewClientConfig {
  /** The operator's name for it. */
  readonly name: string;
  readonly endpoint: ReviewEndpoint;
  /** For TLS: the authorities trusted to name the service, and our own certificate. Without them every call fails `unavailable`. */
  readonly tls: PemMaterial | undefined;
  /** What calls show of who makes them (C38); never over `grpc://`. Without a valid one no call is made. */
  readonly credential?: CallCredential | undefined;
  readonly gatewayId: string;
  readonly gatewayVersion: string;
  /** Reviews in flight at once. */
  readonly maxConcurrentReviews: number;
  /** Reviews that may wait for one of them to end. */
  readonly maxPendingReviews: number;
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

/** Observations under way at once: a quarter of what may review, sixteen at most, beside and not inside that number. */
const observersOf = (maxConcurrentReviews: number): number => Math.min(16, Math.max(1, Math.floor(maxConcurrentReviews / 4)));

/** Observations that may wait; the queue in front of them holds no more (C29). */
const MAX_OBSERVATIONS = 1024;

/** Connects to an interceptor and stays connected. Closing lets calls in flight finish; later ones fail `unavailable`. */
export function grpcReviewClient(
  config: GrpcReviewClientConfig,
  { clock, log, sockets }: GrpcReviewClientDeps,
): GrpcReviewClient {
  const { name, endpoint, tls, credential, gatewayId, gatewayVersion } = config;
  let { maxConcurrentReviews } = config;
  const again = new DescribeAgain(clock);
  const admission = new Admission({ maxInside: maxConcurrentReviews, maxWaiting: config.maxPendingReviews }, clock);
  const observing = new Admission({ maxInside: observersOf(maxConcurrentReviews), maxWaiting: MAX_OBSERVATIONS }, clock);
  let describing = 0;
  const channel = new InterceptorChannel(
    { name, endpoint, pems: tls, credential, gatewayVersion },
    receiveLimit(LIMITS.maxResponseBytes.fallback),
    {
      clock,
      log,
      sockets,
      // a Describe under way asks the service that was just reached
      onReady() {
        if (describing === 0) again.wish();
      },
    },
  );
  return {
    async describe(bindings, { deadlineMs, cancel }) {
      describing += 1;
      const message = encodeDescribe(bindings, { gatewayId, gatewayVersion, maxConcurrentReviews });
      const answer = await describe(channel, message, { timeMs: deadlineMs, cancel, clock });
      describing -= 1;
      return answer;
    },
    reviewer: (binding, hidden) =>
      reviewerOf(binding, hidden, {
        channel,
        // observers wait for observers: however slow, they take no place of a review that decides (C29)
        admission: binding.mode === "observe" ? observing : admission,
        clock,
        onConfigUnknown: () => again.wish(),
      }),
    onDescribeAgain: (listener) => again.on(listener),
    status: () => ({
      connected: channel.connected,
      pendingReviews: admission.waiting,
      ...(channel.fault === undefined ? {} : { fault: channel.fault }),
    }),
    rotate: (pems) => channel.rotate(pems),
    setLimits(limits) {
      maxConcurrentReviews = limits.maxConcurrentReviews;
      admission.setLimits({ maxInside: limits.maxConcurrentReviews, maxWaiting: limits.maxPendingReviews });
    },
    async [Symbol.asyncDispose]() {
      again.close();
      channel.close();
    },
  };
}
