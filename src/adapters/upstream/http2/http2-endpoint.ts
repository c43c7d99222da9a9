import { isStream } from "../../../model/byte-stream.ts";
import type { Cancel } from "../../../model/cancel.ts";
import { err } from "../../../model/result.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { UpstreamRequest } from "../../../ports/upstream.ts";
import type { UpstreamTimeouts } from "../upstream-call.ts";
import type { AttemptAnswer, AttemptFailure, EndpointTls } from "./attempt.ts";
import { EndpointConnections } from "./endpoint-connections.ts";
import { Http2Call } from "./http2-call.ts";
import { requestFields } from "./request-fields.ts";

/** What an endpoint is spoken to with. */
export interface Http2EndpointParts {
  /** Origin without a trailing slash. */
  readonly url: string;
  /** For `https`, and only there. */
  readonly tls: EndpointTls | undefined;
  readonly timeouts: UpstreamTimeouts;
  readonly clock: Clock;
}

/** How long disposing waits for requests under way. */
const CLOSE_MS = 30_000;

/**
 * Sends to one endpoint over HTTP/2: a few connections, a stream for each request. A request is sent once; sent again, once, is only one without
 * a streamed body that the upstream said it never looked at (REFUSED_STREAM, GOAWAY). Trailers go both ways; interim responses are dropped.
 */
export class Http2Endpoint implements AsyncDisposable {
  readonly #parts: Http2EndpointParts;
  readonly #connections: EndpointConnections;
  #underWay = 0;
  #closing = false;
  /** Runs when the last request under way is over. */
  #onNone: (() => void) | undefined;

  constructor(parts: Http2EndpointParts) {
    const { url, tls, clock, timeouts } = parts;
    const { idleMs, connectMs } = timeouts;
    this.#parts = parts;
    this.#connections = new EndpointConnections({ url, tls, idleMs, connectMs, clock });
  }

  /** Requests sent and not yet over, response bodies included. */
  get underWay(): number {
    return this.#underWay;
  }

  /** As `Upstream.send`. `totalDueMs`: when all of it has to be over, on the monotonic clock; left out, the total timeout counts from now. */
  send(request: UpstreamRequest, cancel: Cancel, totalDueMs?: number): Promise<AttemptAnswer> {
    if (this.#closing)
      return refused(request, { problem: "upstream_unreachable", cause: "the upstream is being closed", kind: "other" });
    const fields = requestFields(request, this.#connections);
    if (!fields.ok) return refused(request, { problem: "bad_request", cause: fields.error, kind: "other" });
    this.#underWay += 1;
    const { timeouts, clock } = this.#parts;
    const call = new Http2Call({
      request,
      fields: fields.value,
      timeouts,
      totalDueMs,
      clock,
      cancel,
      onAgain: (again) => this.#connections.run(again),
      onLate: (late) => this.#connections.doubt(late),
      onOver: this.#onOver,
    });
    if (!call.over) this.#connections.run(call);
    return call.answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    if (this.#underWay > 0) await this.#noneUnderWay();
    this.#connections.destroy();
  }

  async #noneUnderWay(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onNone = resolve;
    const stop = this.#parts.clock.after(CLOSE_MS, resolve);
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
