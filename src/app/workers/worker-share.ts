import type { GatewayConfig } from "../../config/gateway-config.ts";
import { ASIDE_LIMITS, type AsideLimits } from "../aside-queue.ts";
import { MAX_STREAMS } from "../long-lived-streams.ts";

/** Most workers of one gateway. */
const MAX_WORKERS = 64;

/** How many processes serve requests: what the operator says, or one for each core. */
export const workerCount = (workers: GatewayConfig["workers"], cores: number): number =>
  Math.min(workers === "auto" ? Math.max(1, cores) : workers, MAX_WORKERS);

/** What one of several workers may take of what the operator allows the gateway (C37). */
export interface WorkerShare {
  readonly config: GatewayConfig;
  /** Of the queue for observers, and again of the one for shadows. */
  readonly asideLimits: AsideLimits;
  /** Open streams that are asked about again (C36). */
  readonly maxStreams: number;
}

/** A worker's share of every limit that is for the whole gateway: ⌊limit / workers⌋, at least 1. The only place where limits are divided. */
export function shareOf(config: GatewayConfig, workers: number): WorkerShare {
  const part = (limit: number): number => Math.max(1, Math.floor(limit / workers));
  return {
    config: {
      ...config,
      maxCapturedBytes: part(config.maxCapturedBytes),
      overload: { ...config.overload, maxRequests: part(config.overload.maxRequests) },
      listeners: config.listeners.map((listener) => ({
        ...listener,
        limits: {
          ...listener.limits,
          maxConnections: part(listener.limits.maxConnections),
          maxRequests: part(listener.limits.maxRequests),
        },
      })),
      upstreams: config.upstreams.map((upstream) => ({ ...upstream, maxRequests: part(upstream.maxRequests) })),
      interceptors: config.interceptors.map((interceptor) => ({
        ...interceptor,
        maxConcurrentReviews: part(interceptor.maxConcurrentReviews),
        // none may wait where the operator says so
        maxPendingReviews: interceptor.maxPendingReviews === 0 ? 0 : part(interceptor.maxPendingReviews),
      })),
    },
    asideLimits: {
      maxItems: part(ASIDE_LIMITS.maxItems),
      maxBytes: part(ASIDE_LIMITS.maxBytes),
      concurrency: part(ASIDE_LIMITS.concurrency),
    },
    maxStreams: part(MAX_STREAMS),
  };
}
