import { systemClock } from "../../src/adapters/system/clock.ts";
import { httpListener, type HttpListener } from "../../src/adapters/inbound/http-listener.ts";
import type {
  ListenerCodec,
  ListenerLimits,
  ListenerProtocol,
  ListenerTls,
} from "../../src/adapters/inbound/listener-settings.ts";
import type { Cancel } from "../../src/model/cancel.ts";
import type { Response } from "../../src/model/exchange.ts";
import { HeaderLines } from "../../src/model/header-lines.ts";
import type { Received } from "../../src/model/received.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Sent } from "../../src/ports/inbound.ts";
import { bytesOf } from "./byte-flow.ts";
import { codecUnderTest } from "./under-test.ts";
import { fixedIds } from "./fixed-ids.ts";
import { MemoryLog } from "./memory-log.ts";

/** The product's own defaults. */
export const LISTENER_LIMITS: ListenerLimits = {
  maxHeaderBytes: 60 * 1024,
  maxHeaders: 100,
  maxUriBytes: 8 * 1024,
  headerTimeoutMs: 10_000,
  bodyIdleMs: 30_000,
  idleMs: 60_000,
  maxConnections: 10_000,
};

/** What a test may choose. */
export interface InboundChoice {
  readonly limits?: Partial<ListenerLimits>;
  readonly clock?: Clock;
  readonly tls?: ListenerTls;
  readonly codec?: ListenerCodec;
  readonly protocols?: readonly ListenerProtocol[];
}

/** A listener on a free port, with everything it was asked and told. */
export interface InboundUnderTest extends AsyncDisposable {
  readonly listener: HttpListener;
  readonly port: number;
  readonly log: MemoryLog;
  readonly received: Received[];
  readonly sent: Sent[];
}

/** Starts a listener whose exchanges `answer` gives the responses of. */
export async function startInbound(
  answer: (received: Received, cancel: Cancel) => Response | Promise<Response>,
  choice: InboundChoice = {},
): Promise<InboundUnderTest> {
  const log = new MemoryLog();
  const received: Received[] = [];
  const sent: Sent[] = [];
  const listener = await httpListener(
    {
      name: "public",
      address: { host: "127.0.0.1", port: 0 },
      tls: choice.tls,
      limits: { ...LISTENER_LIMITS, ...choice.limits },
      codec: choice.codec ?? codecUnderTest(),
      ...(choice.protocols === undefined ? {} : { protocols: choice.protocols }),
    },
    {
      log,
      clock: choice.clock ?? systemClock(),
      ids: fixedIds(),
      async handle(request, cancel) {
        received.push(request);
        return { response: await answer(request, cancel), onSent: (outcome) => void sent.push(outcome) };
      },
    },
  );
  return { listener, port: listener.address.port, log, received, sent, [Symbol.asyncDispose]: () => listener.close() };
}

/** A small complete response. */
export const textResponse = (text: string, status = 200): Response => ({
  status,
  headers: HeaderLines.of(["content-type", "text/plain"]),
  body: bytesOf(text),
});
