import { isStream } from "../../../model/byte-stream.ts";
import type { Cancel } from "../../../model/cancel.ts";
import { err } from "../../../model/result.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { UpstreamRequest } from "../../../ports/upstream.ts";
import type {
  AttemptAnswer,
  AttemptFailure,
  EndpointAddress,
  EndpointClient,
  EndpointNames,
  OpenEndpoints,
  UpstreamTimeouts,
} from "../endpoint-client.ts";
import { EndpointConnections } from "./endpoint-connections.ts";
import { Http2Call } from "./http2-call.ts";
import { requestFields } from "./request-fields.ts";

/** How long disposing waits for requests under way. */
const CLOSE_MS = 30_000;

/**
 * Sends over HTTP/2, by prior knowledge to `http` endpoints and by ALPN to `https` ones: a few connections per endpoint, a stream for each
 * request. A request is sent once; sent again, once, is only one without a streamed body that the upstream said it never looked at
 * (REFUSED_STREAM, GOAWAY). Trailers go both ways; interim responses are dropped.
 */
export const http2Endpoints: OpenEndpoints =
  (timeouts, { clock }) =>
  (endpoint, names) =>
    new Http2Endpoint(endpoint, { timeouts, clock, names });

/** What an endpoint's connections are made with. */
interface Shared {
  readonly timeouts: UpstreamTimeouts;
  readonly clock: Clock;
  readonly names: EndpointNames | undefined;
}

class Http2Endpoint implements EndpointClient {
  readonly #timeouts: UpstreamTimeouts;
  readonly #clock: Clock;
  readonly #connections: EndpointConnections;
  #underWay = 0;
  #closing = false;
  /** Runs when the last request under way is over. */
  #onNone: (() => void) | undefined;

  constructor({ url, tls }: EndpointAddress, { timeouts, clock, names }: Shared) {
    this.#timeouts = timeouts;
    this.#clock = clock;
    const { idleMs, connectMs } = timeouts;
    this.#connections = new EndpointConnections({ url, tls, names, idleMs, connectMs, clock });
  }

  get underWay(): number {
    return this.#underWay;
  }

  send(request: UpstreamRequest, cancel: Cancel, totalDueMs?: number): Promise<AttemptAnswer> {
    if (this.#closing)
      return refused(request, { problem: "upstream_unreachable", cause: "the upstream is being closed", kind: "other" });
    // what asks for a WebSocket in HTTP/1.1 would be an ordinary GET here, and its answer no answer to it
    if (request.upgrade !== undefined)
      return refused(request, { problem: "upgrade_unsupported", cause: "WebSockets go out over HTTP/1.1 alone", kind: "other" });
    const fields = requestFields(request, this.#connections);
    if (!fields.ok) return refused(request, { problem: "bad_request", cause: fields.error, kind: "other" });
    this.#underWay += 1;
    const call = new Http2Call({
      request,
      fields: fields.value,
      timeouts: this.#timeouts,
      totalDueMs,
      clock: this.#clock,
      cancel,
      onAgain: (again) => this.#connections.run(again),
      onLate: (late, sinceMs) => this.#connections.doubt(late, sinceMs),
      onOver: this.#onOver,
    });
    if (!call.over) this.#connections.run(call);
    return call.answer;
  }

  addressesChanged(): void {
    this.#connections.dropGone();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    if (this.#underWay > 0) await this.#noneUnderWay();
    this.#connections.destroy();
  }

  async #noneUnderWay(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onNone = resolve;
    const stop = this.#clock.after(CLOSE_MS, resolve);
    await promise;
    stop();
  }

  readonly #onOver = (over: Http2Call): void => {
    this.#connections.forget(over);
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#onNone?.();
  };
}

function refused({ body }: UpstreamRequest, failure: AttemptFailure): Promise<AttemptAnswer> {
  if (isStream(body)) body.discard();
  return Promise.resolve(err(failure));
}
