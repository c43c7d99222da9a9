import { isStream } from "../../../model/byte-stream.ts";
import type { Cancel } from "../../../model/cancel.ts";
import { err } from "../../../model/result.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { UpstreamRequest } from "../../../ports/upstream.ts";
import type {
  AttemptFailure,
  EndpointAddress,
  EndpointClient,
  EndpointNames,
  OpenEndpoints,
  UpstreamTimeouts,
} from "../endpoint-client.ts";
import { EndpointPool } from "./endpoint-pool.ts";
import { Http1Call } from "./http1-call.ts";
import { requestHead } from "./request-head.ts";

/** How long disposing waits for requests under way. */
const CLOSE_MS = 30_000;

/** Read at once, bytes. */
const READ_ROOM_BYTES = 64 * 1024;

/**
 * Sends over our own HTTP/1.1 client: a pool of kept-alive connections per endpoint, one request at a time on each connection.
 * A request is written once; written again, once, is only one without a body and with an idempotent method, and only where the
 * kernel refused it whole on a connection kept from before. Interim responses and trailers are dropped.
 */
export const http1Endpoints: OpenEndpoints = (timeouts, { clock }) => {
  const readRoom = Buffer.allocUnsafeSlow(READ_ROOM_BYTES);
  return (endpoint, names) => new Http1Endpoint(endpoint, { timeouts, clock, readRoom, names });
};

/** What an endpoint's connections are made with. */
interface Shared {
  readonly timeouts: UpstreamTimeouts;
  readonly clock: Clock;
  readonly readRoom: Buffer;
  readonly names: EndpointNames | undefined;
}

class Http1Endpoint implements EndpointClient {
  readonly #timeouts: UpstreamTimeouts;
  readonly #clock: Clock;
  readonly #pool: EndpointPool;
  #underWay = 0;
  #closing = false;
  /** Runs when the last request under way is over. */
  #onNone: (() => void) | undefined;

  constructor({ url, tls }: EndpointAddress, { timeouts, ...shared }: Shared) {
    this.#timeouts = timeouts;
    this.#clock = shared.clock;
    const { connectMs, idleMs } = timeouts;
    this.#pool = new EndpointPool({ url, tls, connectMs, idleMs, ...shared });
  }

  get underWay(): number {
    return this.#underWay;
  }

  send(request: UpstreamRequest, cancel: Cancel, totalDueMs?: number): ReturnType<EndpointClient["send"]> {
    if (this.#closing)
      return refused(request, { problem: "upstream_unreachable", cause: "the upstream is being closed", kind: "other" });
    const head = requestHead(request, this.#pool.authority);
    if (!head.ok) return refused(request, { problem: "bad_request", cause: head.error, kind: "other" });
    this.#underWay += 1;
    const call = new Http1Call({
      request,
      head: head.value,
      timeouts: this.#timeouts,
      totalDueMs,
      clock: this.#clock,
      cancel,
      onOver: this.#onOver,
    });
    if (!call.over) this.#pool.run(call);
    return call.answer;
  }

  addressesChanged(): void {
    this.#pool.dropGone();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    this.#pool.close();
    if (this.#underWay > 0) await this.#noneUnderWay();
    this.#pool.destroy();
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

function refused({ body }: UpstreamRequest, failure: AttemptFailure): ReturnType<EndpointClient["send"]> {
  if (isStream(body)) body.discard();
  return Promise.resolve(err(failure));
}
