import { heapShare } from "../adapters/system/heap-share.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import { METRICS } from "../model/metrics-table.ts";
import type { PipelineDeps } from "../pipeline/deps.ts";
import { reReview } from "../pipeline/re-review.ts";
import type { Metrics } from "../ports/metrics.ts";
import { AsideQueue, type AsideLimits } from "./aside-queue.ts";
import { CountingTurnstile } from "./counting-turnstile.ts";
import { LongLivedStreams } from "./long-lived-streams.ts";
import { OpenTunnels } from "./open-tunnels.ts";
import { reReviewRecorder } from "./record-re-review.ts";
import { exchangeRecorder } from "./record-exchange.ts";
import { observationRecorder } from "./record-observation.ts";
import { shadowRecorder } from "./record-shadow.ts";
import { shedRecorder } from "./record-shed.ts";
import { Strain } from "./strain.ts";

/** What the pipeline of a process needs, and those parts of it that have a life beside it. */
export interface PipelineParts {
  readonly deps: PipelineDeps;
  readonly observers: AsideQueue;
  readonly shadows: AsideQueue;
  readonly streams: LongLivedStreams;
  readonly turnstile: CountingTurnstile;
  readonly strain: Strain;
  readonly tunnels: OpenTunnels;
}

/** Makes the turnstile, the queues for observers and shadows and the place of open streams, each with its log lines and counters. `reviews` is asked each time, because a reload may change it. */
export function pipelineParts(
  given: Pick<PipelineDeps, "plans" | "clock" | "ids" | "log" | "captured">,
  {
    metrics,
    config,
    reviews,
    asideLimits,
    maxStreams,
    maxTunnels,
  }: {
    readonly metrics: Metrics;
    /** This process's part of it. */
    readonly config: Pick<GatewayConfig, "overload" | "listeners">;
    readonly reviews: () => "none" | "failures" | "all";
    /** Of each queue. Default: ASIDE_LIMITS. */ readonly asideLimits?: AsideLimits;
    /** Default: MAX_STREAMS. */ readonly maxStreams?: number;
    /** Default: MAX_TUNNELS. */ readonly maxTunnels?: number;
  },
): PipelineParts {
  const { clock, log } = given;
  const nowMs = (): number => clock.nowMs();
  const observers = new AsideQueue(
    {
      nowMs,
      dropped: ({ binding }, part) => metrics.counter(METRICS.observerDropped, [binding.plan.interceptor, binding.plan.id, part]),
      done: observationRecorder(log),
    },
    asideLimits,
  );
  const shadows = new AsideQueue(
    {
      nowMs,
      dropped: ({ binding }, part) => metrics.counter(METRICS.shadowDropped, [binding.plan.interceptor, binding.plan.id, part]),
      done: shadowRecorder({ log, reviews }),
    },
    asideLimits,
  );
  const streams: LongLivedStreams = new LongLivedStreams({
    clock,
    // asks with what every exchange is asked with
    ask: (stream, call) => reReview(deps, stream, call),
    onAsked: reReviewRecorder({ log, reviews }),
    onClosed: ({ reason }) => metrics.counter(METRICS.longLivedClosed, [reason]).add(),
    ...(maxStreams === undefined ? {} : { maxStreams }),
  });
  const tunnels = new OpenTunnels({
    clock,
    onEnd: (end) => metrics.counter(METRICS.websocketsClosed, [end]).add(),
    ...(maxTunnels === undefined ? {} : { maxTunnels }),
  });
  const onRecord = exchangeRecorder({ log, metrics, reviews });
  const strain = new Strain(config.overload, { clock, heapShare });
  const onShed = shedRecorder({ log, metrics, clock, underWay: () => turnstile.underWay });
  const turnstile: CountingTurnstile = new CountingTurnstile(config, { strain, onShed });
  const deps: PipelineDeps = { ...given, observers, shadows, longLived: streams, tunnels, turnstile, onRecord };
  return { deps, observers, shadows, streams, tunnels, turnstile, strain };
}
