import { METRICS } from "../model/metrics-table.ts";
import { ok } from "../model/result.ts";
import type { Clock } from "../ports/clock.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { Upstream, UpstreamFailure } from "../ports/upstream.ts";

/** Troubles an upstream can be blamed for; the others are the client's. */
const BLAMED = [
  "upstream_unreachable",
  "upstream_timeout",
  "upstream_invalid_response",
  "upstream_overloaded",
] as const satisfies readonly UpstreamFailure["problem"][];

const NOTHING = (): void => {};

/** An upstream whose calls are measured and whose failures are counted, by its name in the file. A call the client gave up is no failure. */
export function meteredUpstream(
  upstream: Upstream,
  { name, metrics, clock }: { readonly name: string; readonly metrics: Metrics; readonly clock: Clock },
): Upstream {
  const duration = metrics.histogram(METRICS.upstreamDuration, [name]);
  const failures = new Map<UpstreamFailure["problem"], ReturnType<Metrics["counter"]>>(
    BLAMED.map((code) => [code, metrics.counter(METRICS.upstreamFailures, [name, code])]),
  );
  const reserve = (): ReturnType<NonNullable<Upstream["reserve"]>> => {
    const place = upstream.reserve?.() ?? ok(NOTHING);
    if (!place.ok) failures.get(place.error.problem)?.add();
    return place;
  };
  return {
    async send(request, cancel) {
      const startedMs = clock.nowMs();
      const answer = await upstream.send(request, cancel);
      duration.observe((clock.nowMs() - startedMs) / 1000);
      if (!answer.ok && !cancel.aborted) failures.get(answer.error.problem)?.add();
      return answer;
    },
    holds(request) {
      const holding = upstream.holds?.(request);
      return holding && { ...holding, reserve };
    },
    reserve,
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}
