import { isStream } from "../model/byte-stream.ts";
import type { Response } from "../model/exchange.ts";
import type { Closing, LongLivedStream, Terms } from "../ports/long-lived.ts";
import { ClosableStream } from "./closable-stream.ts";
import { refused, type StageEnd } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { hasObservers } from "./observe.ts";
import { MessageBoundary } from "../support/message-boundary.ts";
import { closedByGateway, followed, kindOf, type CallKind } from "./grpc.ts";
import { isConnectStream, isEventStream } from "./show-bodies.ts";

/** How long a farewell has to leave before the connection is cut, milliseconds. */
const FAREWELL_MS = 20;

/**
 * A stream that was let through by verdicts with an end of their own becomes one that is asked about again, and can be closed (C36). Its plan is let go, unless observers or shadows are still to be asked about it; only its upstream is kept. Where
 * there is no room the exchange ends: a stream nobody asks about again would outlive what was allowed.
 */
export function keepOpen(run: ExchangeRun, terms: Terms): StageEnd {
  const { response } = run.exchange;
  // has its own way of being closed, and may have let its plan go
  if (response?.tunnel !== undefined) return undefined;
  const { streaming } = run.route.plan;
  if (response === undefined || !isStream(response.body) || streaming === "none") return undefined;
  if (streaming === "auto" && !isLongLived(run, response)) return undefined;
  const call = streamedCall(run);
  const { clock, longLived } = run.deps;
  const boundary = new MessageBoundary();
  const flowing = call === undefined ? response.body : followed(response.body, boundary);
  const body = new ClosableStream(flowing, (task) => void clock.after(FAREWELL_MS, task));
  // a comment in clear text is no part of a coded body, and one more byte none of a counted one
  const isPlain = isEventStream(response) && !response.headers.has("content-encoding") && body.declaredBytes === undefined;
  const leave = longLived.enter({
    ...storedExchange(run, terms),
    close: (closing) => {
      run.closing = closing;
      body.close(
        isPlain ? farewellOf(closing) : undefined,
        // in the middle of a message there is no place for words in the body
        call === undefined || (call !== "grpc" && !boundary.isHere)
          ? `closed by the gateway: ${closing.code}`
          : closedByGateway(call, closing.code),
      );
    },
  });
  if (leave === undefined) return NO_ROOM;
  run.exchange = { ...run.exchange, response: { ...response, body } };
  const giveUpstream = run.route.holdUpstream();
  run.leave = () => {
    leave();
    giveUpstream();
  };
  if (!hasObservers(run) && run.shadows === undefined) run.keepRecordOnly();
  return undefined;
}

/** The call where its response has words for being closed; gRPC-Web is cut. */
function streamedCall({ exchange }: ExchangeRun): CallKind | undefined {
  const kind = kindOf(exchange);
  return kind === "grpc" || (typeof kind === "object" && kind.kind === "stream") ? kind : undefined;
}

/** Whether a streamed response is a call's, or events, by what it is: in which form a client asks for it must not decide. */
const isLongLived = (run: ExchangeRun, response: Response): boolean =>
  kindOf(run.exchange) !== undefined ||
  run.route.plan.transcode !== undefined ||
  isEventStream(response) ||
  isConnectStream(response);

/** What is kept of an exchange to ask about it again: as the client sent it. */
export const storedExchange = (run: ExchangeRun, terms: Terms): Omit<LongLivedStream, "close"> => ({
  exchange: { ...run.exchange, head: run.original, body: undefined, response: undefined, labels: NO_LABELS },
  route: run.route.plan.name,
  startedMs: run.startedMs,
  terms,
});

/** The answer where one stream more cannot be asked about again. The upstream has acted: nothing may invite a repeat (C17). */
export const NO_ROOM: StageEnd = refused("long-lived", {
  problem: "gateway_overloaded",
  detail: "The gateway keeps too many streams open.",
  status: 502,
  retryable: false,
});

/** A comment, which no client takes for an event. */
const farewellOf = ({ code }: Closing): Uint8Array => new TextEncoder().encode(`: closed by the gateway: ${code}\n\n`);

/** As at ingress: labels are set by patches only. */
const NO_LABELS: ReadonlyMap<string, string> = new Map();
