import { isStream } from "../../../model/byte-stream.ts";
import { err } from "../../../model/result.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Upstream, UpstreamFailure, UpstreamRequest } from "../../../ports/upstream.ts";
import type { HttpUpstreamSettings } from "../http-upstream.ts";
import { EndpointPool } from "./endpoint-pool.ts";
import { Http1Call } from "./http1-call.ts";
import { requestHead } from "./request-head.ts";

/** How long disposing waits for requests under way. */
const CLOSE_MS = 30_000;

/** Read at once, bytes. */
const READ_ROOM_BYTES = 64 * 1024;

/**
 * Sends over our own HTTP/1.1 client: a pool of kept-alive connections per endpoint, endpoints in turn, one request at a time
 * on each connection. A request is written once; written again, once, is only one without a body and with an idempotent
 * method, and only where the kernel refused it whole on a connection kept from before. Interim responses and trailers are dropped.
 */
export function http1Upstream(settings: HttpUpstreamSettings, deps: { readonly clock: Clock }): Upstream {
  return new Http1Upstream(settings, deps.clock);
}

class Http1Upstream implements Upstream {
  readonly #settings: HttpUpstreamSettings;
  readonly #clock: Clock;
  readonly #pools: readonly EndpointPool[];
  #next = 0;
  #underWay = 0;
  #closing = false;
  /** Runs when the last request under way is over. */
  #onNone: (() => void) | undefined;

  constructor(settings: HttpUpstreamSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    const readRoom = Buffer.allocUnsafeSlow(READ_ROOM_BYTES);
    const { idleMs } = settings.timeouts;
    this.#pools = settings.endpoints.map(({ url }) => new EndpointPool({ url, idleMs, clock, readRoom }));
  }

  send(request: UpstreamRequest, cancel: Parameters<Upstream["send"]>[1]): ReturnType<Upstream["send"]> {
    if (this.#closing) return refused(request, { problem: "upstream_unreachable", cause: "the upstream is being closed" });
    const pool = this.#pools[this.#next % this.#pools.length];
    if (pool === undefined || this.#underWay >= this.#settings.maxRequests)
      return refused(request, { problem: "upstream_overloaded", cause: `${this.#underWay} requests under way` });
    const head = requestHead(request, pool.authority);
    if (!head.ok) return refused(request, { problem: "bad_request", cause: head.error });
    this.#next += 1;
    this.#underWay += 1;
    const call = new Http1Call({
      request,
      head: head.value,
      timeouts: this.#settings.timeouts,
      clock: this.#clock,
      cancel,
      onOver: this.#onOver,
    });
    if (!call.over) pool.run(call);
    return call.answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    for (const pool of this.#pools) pool.close();
    if (this.#underWay > 0) await this.#noneUnderWay();
    for (const pool of this.#pools) pool.destroy();
  }

  async #noneUnderWay(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onNone = resolve;
    const stop = this.#clock.after(CLOSE_MS, resolve);
    await promise;
    stop();
  }

  readonly #onOver = (): void => {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#onNone?.();
  };
}

function refused({ body }: UpstreamRequest, failure: UpstreamFailure): ReturnType<Upstream["send"]> {
  if (isStream(body)) body.discard();
  return Promise.resolve(err(failure));
}
