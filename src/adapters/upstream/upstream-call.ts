import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Dispatcher } from "undici";
import { isStream } from "../../model/byte-stream.ts";
import { BodyFailure } from "../../model/body-failure.ts";
import type { Cancel } from "../../model/cancel.ts";
import { err, ok } from "../../model/result.ts";
import type { Clock } from "../../ports/clock.ts";
import type { UpstreamRequest } from "../../ports/upstream.ts";
import type { AttemptAnswer, AttemptFailure, AttemptFailureKind, UpstreamTimeouts } from "./endpoint-client.ts";
import { failureOf } from "./failure-of.ts";
import { RequestBodyBroken, RequestBodyStream } from "./request-body-stream.ts";
import { ResponseBody, type ResponseSource } from "./response-body.ts";
import { changedHead, readResponseHead } from "./response-head.ts";
import { TunnelSocket } from "./tunnel-socket.ts";

/** What one call is made of. */
export interface UpstreamCallParts {
  readonly request: UpstreamRequest;
  readonly timeouts: UpstreamTimeouts;
  /** When all of it has to be over, monotonic; undefined: the total timeout from now. */
  readonly totalDueMs: number | undefined;
  readonly clock: Clock;
  readonly cancel: Cancel;
  /** The call occupies no connection any more; called once. */
  readonly onOver: () => void;
}

/**
 * One request and its response, as undici tells of it. Settles `answer` at the response head; from then on troubles end the
 * body. Every timer is ours: undici's own are rounded to about a second.
 */
export class UpstreamCall implements Dispatcher.DispatchHandler, ResponseSource {
  readonly answer: Promise<AttemptAnswer>;
  readonly requestBody: Uint8Array | RequestBodyStream | null;
  readonly #parts: UpstreamCallParts;
  readonly #settle: (answer: AttemptAnswer) => void;
  #releaseCancel: (() => void) | undefined;
  readonly #stopTotal: (() => void) | undefined;
  #stopWaiting: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #body: ResponseBody | undefined;
  #lastByteMs = 0;
  #over = false;
  /** The connection, once it has changed its protocol. */
  #changed: Socket | undefined;

  constructor(parts: UpstreamCallParts) {
    const { request, timeouts, clock, cancel } = parts;
    const { promise, resolve } = Promise.withResolvers<AttemptAnswer>();
    this.answer = promise;
    this.#settle = resolve;
    this.#parts = parts;
    this.requestBody = isStream(request.body) ? new RequestBodyStream(request.body) : (request.body ?? null);
    this.#stopWaiting = this.#expireAfter(timeouts.connectMs, "connect", "connect");
    const totalMs = leftMs(parts);
    this.#stopTotal = totalMs === undefined ? undefined : this.#expireAfter(totalMs, "total", "other");
    this.#lastByteMs = clock.nowMs();
    // may run at once
    this.#releaseCancel = cancel.onAbort(() =>
      this.#fail({ problem: "upstream_unreachable", cause: "cancelled", kind: "other" }),
    );
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) return controller.abort(new Error("given up before it was sent"));
    this.#stopWaiting();
    this.#lastByteMs = this.#parts.clock.nowMs();
    this.#watchIdle();
  }

  onBodySent(): void {
    this.#lastByteMs = this.#parts.clock.nowMs();
  }

  onRequestSent(): void {
    if (this.#over || this.#body !== undefined) return;
    this.#stopWaiting();
    this.#stopWaiting = this.#expireAfter(this.#parts.timeouts.firstByteMs, "first byte", "slow");
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#over) return;
    // interim responses are dropped (C26); 101 was not asked for
    if (status < 200 && status !== 101) return;
    const raw = Array.isArray(controller.rawHeaders) ? controller.rawHeaders : [];
    const head = readResponseHead(this.#parts.request.method, status, raw);
    if (!head.ok) return this.#fail({ problem: "upstream_invalid_response", cause: head.error, kind: "broken" });
    this.#stopWaiting();
    this.#lastByteMs = this.#parts.clock.nowMs();
    this.#watchIdle();
    const { headers, body } = head.value;
    this.#body = new ResponseBody(body.kind === "stream" ? body.declaredBytes : 0, this);
    this.#settle(ok({ status, headers, body: body.kind === "none" ? undefined : this.#body }));
  }

  /** undici has let the connection go: it is nobody else's. Bytes read behind the head are put back into it. */
  onRequestUpgrade(controller: Dispatcher.DispatchController, status: number, _headers: unknown, duplex: Duplex): void {
    const head = changedHead(status, Array.isArray(controller.rawHeaders) ? controller.rawHeaders : []);
    if (this.#over || !(duplex instanceof Socket) || !head.ok) {
      duplex.on("error", () => {}).destroy();
      const cause = head.ok ? "no connection to tunnel" : head.error;
      return this.#fail({ problem: "upstream_invalid_response", cause, kind: "broken" });
    }
    this.#stopWaiting();
    this.#stopTotal?.();
    this.#changed = duplex;
    const body = new ResponseBody(undefined, this);
    this.#body = body;
    duplex.on("data", (chunk: Buffer) => body.push(chunk));
    duplex.on("end", () => this.onResponseEnd());
    duplex.on("error", (error: Error) => this.onResponseError(null, error));
    duplex.on("close", () => this.onResponseError(null, new Error("the connection is gone")));
    this.#settle(ok({ status, headers: head.value, body, tunnel: new TunnelSocket(duplex) }));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#lastByteMs = this.#parts.clock.nowMs();
    this.#body?.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#leave();
    this.#body?.finish((sink) => sink.end());
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over) return;
    const broken = error instanceof RequestBodyBroken ? error.cause : undefined;
    if (broken === undefined) return this.#fail(this.#attemptFailure(error));
    const timedOut = broken instanceof BodyFailure && broken.problem === "request_timeout";
    this.#fail({ problem: timedOut ? "request_timeout" : "bad_request", cause: error.message, kind: "other" });
  }

  pause(): void {
    if (this.#changed === undefined) this.#controller?.pause();
    else this.#changed.pause();
  }

  resume(): void {
    // silence counts from here, not from before the reader's rest
    this.#lastByteMs = this.#parts.clock.nowMs();
    if (this.#changed === undefined) this.#controller?.resume();
    else this.#changed.resume();
  }

  abandon(): void {
    if (this.#over) return;
    this.#leave();
    this.#abort("nobody reads the response");
  }

  #fail(failure: AttemptFailure): void {
    if (this.#over) return;
    this.#leave();
    this.#settle(err(failure));
    this.#body?.finish((sink) => sink.fail(failure));
    this.#abort(failure.cause);
  }

  #abort(cause: string): void {
    if (this.#changed === undefined) this.#controller?.abort(new Error(cause));
    else this.#changed.destroy();
  }

  #leave(): void {
    this.#over = true;
    this.#stopWaiting();
    this.#stopTotal?.();
    this.#releaseCancel?.();
    if (this.requestBody instanceof RequestBodyStream) this.requestBody.destroy();
    this.#parts.onOver();
  }

  /** undici begins a request when its connection stands. */
  #attemptFailure(error: Error): AttemptFailure {
    const failure = failureOf(error);
    if (failure.problem === "bad_request") return { ...failure, kind: "other" };
    return { ...failure, kind: this.#controller === undefined ? "connect" : "broken" };
  }

  #expireAfter(delayMs: number, what: string, kind: AttemptFailureKind): () => void {
    return this.#parts.clock.after(delayMs, () =>
      this.#fail({ problem: "upstream_timeout", cause: `${what} timeout ${delayMs} ms exceeded`, kind }),
    );
  }

  /** Looks again whenever a silence could have become too long; the upstream's only if it is its turn. */
  #watchIdle(): void {
    const { clock, timeouts } = this.#parts;
    const silentMs = clock.nowMs() - this.#lastByteMs;
    this.#stopWaiting = clock.after(Math.max(1, timeouts.idleMs - silentMs), () => {
      const stillMs = clock.nowMs() - this.#lastByteMs;
      if (stillMs >= timeouts.idleMs && this.#upstreamOwes())
        return this.#fail({ problem: "upstream_timeout", cause: `idle timeout ${timeouts.idleMs} ms exceeded`, kind: "slow" });
      if (stillMs >= timeouts.idleMs) this.#lastByteMs = clock.nowMs();
      this.#watchIdle();
    });
  }

  #upstreamOwes(): boolean {
    if (this.#body !== undefined) return this.#body.wanted;
    // bytes wait for the connection to take them
    return this.requestBody instanceof RequestBodyStream && this.requestBody.readableLength > 0;
  }
}

/** What is left of the time for all of it; undefined: there is no end. */
function leftMs({ totalDueMs, timeouts, request, clock }: UpstreamCallParts): number | undefined {
  const nowMs = clock.nowMs();
  const ownDueMs = totalDueMs ?? nowMs + (timeouts.totalMs ?? Number.POSITIVE_INFINITY);
  const dueMs = Math.min(ownDueMs, request.deadlineMs ?? Number.POSITIVE_INFINITY);
  return dueMs === Number.POSITIVE_INFINITY ? undefined : Math.max(0, dueMs - nowMs);
}
