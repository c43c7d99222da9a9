import { LongLivedStreams, type StreamDeps } from "../../src/app/long-lived-streams.ts";
import { HeaderLines } from "../../src/model/header-lines.ts";
import { ANONYMOUS } from "../../src/model/principal.ts";
import type { ReReview } from "../../src/pipeline/re-review.ts";
import type { LongLivedStream } from "../../src/ports/long-lived.ts";
import { FakeClock } from "./fake-clock.ts";

/** Everything a test of open streams needs, with answers given by kind. */
export function parts() {
  const clock = new FakeClock();
  const asked: { readonly stream: LongLivedStream; readonly count: number }[] = [];
  const closed: string[] = [];
  let kind: "renewed" | "closed" | "failed" = "renewed";
  let gate: Promise<void> = Promise.resolve();
  let underWay = 0;
  let most = 0;
  const answer = ({ terms }: LongLivedStream): ReReview => {
    if (kind === "renewed")
      return {
        kind,
        terms: new Map([...terms].map(([name, term]) => [name, { ...term, sinceMs: clock.nowMs() }])),
        silent: new Set(),
        reviews: [],
      };
    const code = kind === "closed" ? "review_denied" : "interceptor_unavailable";
    return {
      kind,
      closing: { code, by: "svc/a", source: "interceptor", reason: kind === "closed" ? "denied" : "failed" },
      reviews: [],
    };
  };
  const deps: StreamDeps = {
    clock,
    ask: async (stream, { count }) => {
      asked.push({ stream, count });
      most = Math.max(most, (underWay += 1));
      await gate;
      underWay -= 1;
      return answer(stream);
    },
    onAsked: () => {},
    onClosed: () => {},
  };
  return {
    clock,
    asked,
    closed,
    deps,
    streams: new LongLivedStreams(deps),
    most: () => most,
    answerWith: (next: typeof kind) => void (kind = next),
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
    stream: ({ validForMs, tags = [], startedMs = 0 }: StreamChoice): LongLivedStream => ({
      exchange: {
        ids: { requestId: "r", correlationId: "c", traceId: "0", traceparent: "00-0-abcd-01" },
        listener: "main",
        protocol: "http",
        client: { address: "192.0.2.7", tlsSubject: "" },
        head: { method: "GET", scheme: "http", host: "api.example", path: "/", query: undefined, headers: HeaderLines.EMPTY },
        body: undefined,
        principal: ANONYMOUS,
        tenant: "",
        labels: new Map(),
        response: undefined,
      },
      route: "route-0",
      startedMs,
      terms: new Map([["svc/a", { interceptor: "svc", tags, validForMs, sinceMs: 0 }]]),
      close: ({ code }) => void closed.push(code),
    }),
  };
}

interface StreamChoice {
  readonly validForMs?: number;
  readonly tags?: readonly string[];
  readonly startedMs?: number;
}
