import type { ExchangeEnding, ExchangeRecord } from "../model/exchange-record.ts";
import { PROBLEMS } from "../model/problem.ts";
import type { Received } from "../model/received.ts";
import type { Sent } from "../ports/inbound.ts";
import type { Arrival } from "../ports/runnable-plan.ts";
import type { Entered } from "../ports/turnstile.ts";
import type { PipelineDeps } from "./deps.ts";
import { causeText, type StageEnd } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { hasObservers, observe } from "./observe.ts";

/** How an exchange came to its end, as `handle` saw it. */
export interface Finished {
  readonly received: Received;
  readonly ending: StageEnd;
  /** When the response was ready to be sent, monotonic. */
  readonly answeredMs: number;
  readonly sent: Sent;
}

/** Always, exactly once: the record, observers, and everything the exchange held given back. Throws nothing. */
export function finish(run: ExchangeRun, finished: Finished): void {
  const { deps } = run;
  run.isOver = true;
  run.entered?.leave();
  run.forgetNotice?.();
  run.leave?.();
  run.tunnelPlace?.leave(undefined);
  const durationMs = deps.clock.nowMs() - run.startedMs;
  const ending = endingOf(run, finished);
  book(deps, () => {
    recordRoute(run, ending, finished);
    return recordOf(run, ending, finished);
  });
  if (!hasObservers(run) && run.shadows === undefined) return run.release();
  const told = hasObservers(run) ? observe(run, ending, { durationMs, bytes: finished.sent.bytes }) : undefined;
  void Promise.all([told, run.shadows?.finish()]).finally(() => run.release());
}

// the response is out: a bug in the books must not keep what the exchange holds
function book({ onRecord, log }: PipelineDeps, makeRecord: () => ExchangeRecord): void {
  try {
    onRecord(makeRecord());
  } catch (thrown) {
    log.write("error", "record_failed", { error: thrown });
  }
}

function recordRoute(run: ExchangeRun, { status }: ExchangeEnding, { answeredMs }: Finished): void {
  const route = run.routeOrNone;
  if (route === undefined) return;
  const { deps, startedMs, reviewMs, upstreamMs, captureMs } = run;
  route.instruments.request(`${Math.floor(status / 100)}xx`).add();
  route.instruments.duration.observe((deps.clock.nowMs() - startedMs) / 1000);
  // what is left of the time to the head when everybody who was waited for is taken off
  route.instruments.overhead.observe(Math.max(0, answeredMs - startedMs - reviewMs - upstreamMs - captureMs) / 1000);
}

function recordOf(run: ExchangeRun, ending: ExchangeEnding, { received, sent }: Finished): ExchangeRecord {
  const { exchange, original, revision, routeOrNone } = run;
  return {
    ids: exchange.ids,
    revision,
    listener: received.listener,
    clientAddress: exchange.client.address,
    method: original.method,
    host: original.host,
    path: original.path,
    route: routeOrNone?.plan.name ?? "",
    upstream: run.forwarded ? (run.fallback ?? routeOrNone?.plan.upstream ?? "") : "",
    principalId: exchange.principal.id,
    tenant: exchange.tenant,
    labels: exchange.labels,
    ending,
    complete: sent.completed,
    requestBytes: sent.requestBytes ?? received.body?.declaredBytes ?? 0,
    responseBytes: sent.bytes,
    webSocket: run.relay?.outcome,
    latency: { reviewMs: run.reviewMs, upstreamMs: run.upstreamMs, totalMs: run.deps.clock.nowMs() - run.startedMs },
    reviews: run.reviews,
  };
}

/** How it ended, in the words of the record. */
function endingOf(run: ExchangeRun, { ending, sent }: Finished): ExchangeEnding {
  const { status } = run;
  if (ending === undefined) return answered(run, sent);
  switch (ending.kind) {
    case "client-gone":
      return { kind: "cancelled", status };
    case "responded":
      return { kind: "responded", status, decidedBy: ending.by };
    case "denied":
      return { kind: "denied", status, decidedBy: ending.by, code: ending.refusal.code ?? ending.refusal.problem };
    case "refused":
    case "failed": {
      const { problem, cause } = ending.refusal;
      return { kind: ending.kind, status, decidedBy: ending.by, code: problem, source: PROBLEMS[problem].source, cause };
    }
    default:
      return ending satisfies never;
  }
}

// a client that left in the middle of the response is a cancelled exchange too
function answered({ status, responded, closing, relay }: ExchangeRun, sent: Sent): ExchangeEnding {
  // a WebSocket is closed in words, and what was sent is then whole
  if (closing !== undefined && (!sent.completed || sent.bodyBroke === true || relay !== undefined)) {
    const { by, code, source, cause } = closing;
    return { kind: "closed", status, decidedBy: by, code, source, cause };
  }
  if (!sent.completed && sent.cause === undefined) return { kind: "cancelled", status };
  if (responded === undefined && sent.bodyBroke === true)
    return { kind: "forwarded", status, source: "upstream", cause: causeText(sent.cause) };
  return responded === undefined ? { kind: "forwarded", status } : { kind: "responded", status, decidedBy: responded.by };
}

/** The record of a head that never became an exchange. Throws nothing. */
export function finishRefused(
  deps: PipelineDeps,
  refused: {
    readonly received: Received;
    readonly arrival: Extract<Arrival, { kind: "refused" }>;
    readonly revision: string;
    readonly startedMs: number;
    readonly entered: Entered;
    readonly sent: Sent;
  },
): void {
  const { received, arrival, revision, startedMs, sent } = refused;
  refused.entered.leave();
  const { problem, cause, status } = arrival.refusal;
  const { source, status: usual } = PROBLEMS[problem];
  book(deps, () => ({
    ids: arrival.ids,
    revision,
    listener: received.listener,
    clientAddress: arrival.clientAddress,
    method: received.method,
    host: arrival.host,
    path: "",
    route: "",
    upstream: "",
    principalId: "",
    tenant: "",
    labels: new Map(),
    ending: { kind: "refused", status: status ?? usual, decidedBy: "ingress", code: problem, source, cause },
    complete: sent.completed,
    requestBytes: sent.requestBytes ?? 0,
    responseBytes: sent.bytes,
    latency: { reviewMs: 0, upstreamMs: 0, totalMs: deps.clock.nowMs() - startedMs },
    reviews: [],
  }));
}
