import { isStream } from "../model/byte-stream.ts";
import type { Cancel } from "../model/cancel.ts";
import type { Response } from "../model/exchange.ts";
import { PROBLEMS } from "../model/problem.ts";
import type { Closing } from "../ports/long-lived.ts";
import { agreementOf } from "../support/websocket-handshake.ts";
import { failed, refused, type StageEnd } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { NO_ROOM, storedExchange } from "./keep-open.ts";
import { hasObservers } from "./observe.ts";
import { WebSocketRelay, type FinalWord } from "./websocket-relay.ts";

/** The close code of a WebSocket that is not allowed any more (C36). */
const NOT_ALLOWED = 4403;

/** Takes room for a WebSocket before its upstream is asked: where there is none, nobody is. */
export function reserveTunnel(run: ExchangeRun): StageEnd {
  if (run.exchange.protocol !== "websocket") return undefined;
  run.tunnelPlace ??= run.deps.tunnels.reserve(run.listenerKey);
  if (run.tunnelPlace !== undefined) return undefined;
  return refused("websocket", {
    problem: "gateway_overloaded",
    detail: "The gateway takes no more WebSockets at the moment.",
    headers: [["retry-after", "1"]],
  });
}

/**
 * An ordinary answer of status 2xx to a request that asks for a WebSocket and nothing else is no answer to it, whoever gave it: its client
 * would take the body for frames.
 */
export function falseOpening({ upgradeOnly }: ExchangeRun, { status, tunnel }: Response, ending: StageEnd): StageEnd {
  if (!upgradeOnly || tunnel !== undefined || status < 200 || status > 299) return undefined;
  const by = ending !== undefined && "by" in ending ? ending.by : "websocket";
  return refused(by, { problem: "upgrade_unsupported", detail: "What answers this request opened no WebSocket." });
}

/** Judges the upstream's answer to a handshake; only a 101 that answers this very one goes on (C26). Any other answer is an ordinary response. */
export function judgeChange(run: ExchangeRun): StageEnd {
  const { response, head } = run.exchange;
  if (response?.tunnel === undefined) return undefined;
  const agreed = agreementOf(head.headers, response.headers);
  if (agreed.ok) {
    run.agreement = agreed.value;
    return undefined;
  }
  return failed(run.route.plan.upstream, {
    problem: "upstream_invalid_response",
    detail: "The upstream did not answer with a valid response.",
    cause: agreed.error,
  });
}

/**
 * A reviewed 101 becomes an open WebSocket: counted, watched over, and asked about again where a verdict has an end of its own (C36). Its plan
 * is let go, unless observers or shadows are still to be asked about it.
 */
export function openTunnel(run: ExchangeRun, cancel: Cancel): StageEnd {
  const { response } = run.exchange;
  const { tunnelPlace: place, agreement } = run;
  if (response?.tunnel === undefined || place === undefined || agreement === undefined || !isStream(response.body))
    return undefined;
  const relay = new WebSocketRelay({
    fromUpstream: response.body,
    tunnel: response.tunnel,
    clock: run.deps.clock,
    cancel,
    ...agreement,
    ...run.route.plan.websocket,
    onClosing: (word) => (run.closing ??= closingOf(word)),
  });
  const leave = watchTerms(run, relay);
  if (leave === undefined) {
    relay.release();
    return NO_ROOM;
  }
  place.opened(relay);
  run.relay = relay;
  run.exchange = { ...run.exchange, response: { ...response, body: relay.toClient, tunnel: relay.tunnel } };
  const giveUpstream = run.route.holdUpstream();
  run.leave = () => {
    leave();
    place.leave(relay.outcome.end);
    relay.release();
    giveUpstream();
  };
  if (!hasObservers(run) && run.shadows === undefined) run.keepRecordOnly();
  return undefined;
}

/** Undefined: there is no room for one more that is asked about again. */
function watchTerms(run: ExchangeRun, relay: WebSocketRelay): (() => void) | undefined {
  if (run.terms === undefined) return () => {};
  return run.deps.longLived.enter({
    ...storedExchange(run, run.terms),
    close: (closing) => {
      run.closing = closing;
      relay.close(notAllowed(closing));
    },
  });
}

const notAllowed = ({ code, reason }: Closing): FinalWord => ({
  end: reason,
  toClient: NOT_ALLOWED,
  toUpstream: 1001,
  reason: code,
});

/** What is written down of an end the gateway made for a reason; undefined where nobody is to blame. */
function closingOf({ problem, reason }: FinalWord): Closing | undefined {
  if (problem === undefined) return undefined;
  return { code: problem, by: "websocket", source: PROBLEMS[problem].source, reason: "failed", cause: reason };
}
