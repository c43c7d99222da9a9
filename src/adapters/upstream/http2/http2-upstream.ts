import { isStream } from "../../../model/byte-stream.ts";
import type { Cancel } from "../../../model/cancel.ts";
import { err } from "../../../model/result.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Upstream, UpstreamFailure, UpstreamRequest } from "../../../ports/upstream.ts";
import type { HttpUpstreamSettings } from "../http-upstream.ts";
import { EndpointConnections } from "./endpoint-connections.ts";
import { Http2Call } from "./http2-call.ts";
import { requestFields } from "./request-fields.ts";
import type { UpstreamSecurity } from "./upstream-security.ts";

/** One named upstream over HTTP/2: by prior knowledge to `http` endpoints, by ALPN to `https` ones. */
export interface Http2UpstreamSettings extends HttpUpstreamSettings {
  /** Required where an endpoint is `https`. */
  readonly security?: UpstreamSecurity;
}

/** How long disposing waits for requests under way. */
const CLOSE_MS = 30_000;

/**
 * Sends over HTTP/2: a few connections per endpoint, endpoints in turn, a stream for each request. A request is sent once; sent again, once,
 * is only one without a streamed body that the upstream said it never looked at (REFUSED_STREAM, GOAWAY). Trailers go both ways; interim responses are dropped.
 */
export function http2Upstream(settings: Http2UpstreamSettings, deps: { readonly clock: Clock }): Upstream {
  return new Http2Upstream(settings, deps.clock);
}

class Http2Upstream implements Upstream {
  readonly #settings: Http2UpstreamSettings;
  readonly #clock: Clock;
  readonly #endpoints: readonly EndpointConnections[];
  #next = 0;
  #underWay = 0;
  #closing = false;
  /** Runs when the last request under way is over. */
  #onNone: (() => void) | undefined;

  constructor(settings: Http2UpstreamSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    const { idleMs, connectMs } = settings.timeouts;
    this.#endpoints = settings.endpoints.map(
      ({ url }) => new EndpointConnections({ url, security: settings.security, idleMs, connectMs, clock }),
    );
  }

  send(request: UpstreamRequest, cancel: Cancel): ReturnType<Upstream["send"]> {
    if (this.#closing) return refused(request, { problem: "upstream_unreachable", cause: "the upstream is being closed" });
    const endpoint = this.#endpoints[this.#next % this.#endpoints.length];
    if (endpoint === undefined || this.#underWay >= this.#settings.maxRequests)
      return refused(request, { problem: "upstream_overloaded", cause: `${this.#underWay} requests under way` });
    const fields = requestFields(request, endpoint);
    if (!fields.ok) return refused(request, { problem: "bad_request", cause: fields.error });
    this.#next += 1;
    this.#underWay += 1;
    const call = new Http2Call({
      request,
      fields: fields.value,
      timeouts: this.#settings.timeouts,
      clock: this.#clock,
      cancel,
      onAgain: (again) => endpoint.run(again),
      onLate: (late) => endpoint.doubt(late),
      onOver: (over) => {
        endpoint.forget(over);
        this.#onOver();
      },
    });
    if (!call.over) endpoint.run(call);
    return call.answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    if (this.#underWay > 0) await this.#noneUnderWay();
    for (const endpoint of this.#endpoints) endpoint.destroy();
  }

  async #noneUnderWay(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onNone = resolve;
    const stop = this.#clock.after(CLOSE_MS, resolve);
    await promise;
    stop();
  }

  #onOver(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#onNone?.();
  }
}

function refused({ body }: UpstreamRequest, failure: UpstreamFailure): ReturnType<Upstream["send"]> {
  if (isStream(body)) body.discard();
  return Promise.resolve(err(failure));
}
