import { ok } from "../../src/model/result.ts";
import { InterceptorLink, type LinkChannel } from "../../src/adapters/review/link.ts";
import { LinkPool } from "../../src/adapters/review/link-pool.ts";
import type { ChannelDeps } from "../../src/adapters/review/interceptor-channel.ts";
import type { StreamListeners } from "../../src/adapters/review/stream-call.ts";
import type { CallOutcome } from "../../src/adapters/review/unary-call.ts";
import { FakeClock } from "./fake-clock.ts";
import { MemoryLog } from "./memory-log.ts";
import { TRANSPORTS } from "../../src/adapters/review/transport/transports.ts";

/** A channel in the test's own hands: connected when it says so, and its streams are the test's to feed. */
export class FakeChannel implements LinkChannel {
  readonly receiveLimitBytes = 1_000;
  connected = false;
  isReady = false;
  fault: string | undefined;
  /** Times a new connection was asked for. */
  reconnects = 0;
  /** Streams that were opened, in order; `givenUp` when nobody listens any more. */
  readonly streams: { readonly method: string; readonly listeners: StreamListeners; givenUp: boolean }[] = [];
  readonly #deps: ChannelDeps;
  readonly #calls: ((outcome: CallOutcome) => void)[] = [];

  constructor(deps: ChannelDeps) {
    this.#deps = deps;
  }

  /** The service says of its health, by the last watch of it. */
  tellHealth(health: "serving" | "not-serving"): void {
    const stream = this.streams.findLast(({ method }) => method.includes("Health"));
    stream?.listeners.onMessage(Buffer.of(8, health === "serving" ? 1 : 2));
  }

  connect(): void {
    this.connected = this.isReady = true;
    this.#deps.onReady();
  }

  lose(): void {
    this.connected = this.isReady = false;
    this.#deps.onLost(false);
  }

  /** The oldest call that was not answered is. */
  answer(outcome: CallOutcome): void {
    this.#calls.shift()?.(outcome);
  }

  call(...[, , done]: Parameters<LinkChannel["call"]>): ReturnType<LinkChannel["call"]> {
    this.#calls.push(done);
    return ok(() => {
      const at = this.#calls.indexOf(done);
      if (at >= 0) this.#calls.splice(at, 1);
    });
  }

  stream(method: string, _message: Buffer, listeners: StreamListeners): ReturnType<LinkChannel["stream"]> {
    const stream = { method, listeners, givenUp: false };
    this.streams.push(stream);
    return ok(() => (stream.givenUp = true));
  }

  receiveUpTo(): void {}

  rotate(): ReturnType<LinkChannel["rotate"]> {
    return ok(undefined);
  }

  /** The new connection is made by `connect`. */
  reconnect(): void {
    this.reconnects += 1;
    this.connected = this.isReady = false;
    this.#deps.onLost(true);
  }

  close(): void {}
}

/** Links over fake channels, all connected and described, in a pool. */
export interface FakeLinks {
  readonly pool: LinkPool;
  readonly clock: FakeClock;
  readonly log: MemoryLog;
  readonly links: readonly InterceptorLink[];
  readonly channels: readonly FakeChannel[];
}

/** So many links named `a`, `b`, …, whose breakers open after three failures for 500 ms. */
export function fakeLinks(count: number): FakeLinks {
  const clock = new FakeClock();
  const log = new MemoryLog();
  const channels: FakeChannel[] = [];
  const links = Array.from({ length: count }, (_, index) => {
    const url = String.fromCharCode("a".charCodeAt(0) + index);
    return new InterceptorLink(
      {
        name: "tenancy",
        url,
        endpoint: { kind: "grpc", host: url, port: 1 },
        pems: undefined,
        credential: undefined,
        openTransport: TRANSPORTS["grpc-js"],
        gatewayVersion: "0",
        breaker: { failures: 3, openMs: 500 },
        receiveLimitBytes: 1_000,
      },
      {
        clock,
        log,
        sockets: undefined,
        onReady: () => {},
        watch: {
          gatewayId: "gw",
          listeners: { onManifestChanged: () => {}, onRevoke: () => {}, onUp: () => {}, onDown: () => {} },
        },
        onFailure: (link) => pool.failed(link),
        onClosed: (link) => pool.closed(link),
        openChannel: (_terms, deps) => {
          const channel = new FakeChannel(deps);
          channels.push(channel);
          return channel;
        },
      },
    );
  });
  const pool = new LinkPool(links, { interceptor: "tenancy", log });
  for (const channel of channels) channel.connect();
  for (const link of links) link.manifest = "same";
  return { pool, clock, log, links, channels };
}
