import { H2_ERROR } from "@sallyport/lean-grpc/frame.ts";
import type { Field } from "@sallyport/lean-grpc/hpack-table.ts";
import { isStream } from "../../../model/byte-stream.ts";
import type { Cancel } from "../../../model/cancel.ts";
import { passableTrailers } from "../../../model/passable-trailers.ts";
import { err, ok } from "../../../model/result.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { UpstreamRequest } from "../../../ports/upstream.ts";
import { phaseDueMs, type Phase } from "../http1/call-phase.ts";
import { DeadlineAlarm } from "../http1/deadline-alarm.ts";
import { ResponseBody, type ResponseSource } from "../response-body.ts";
import type { AttemptAnswer, AttemptFailure, AttemptFailureKind, UpstreamTimeouts } from "../endpoint-client.ts";
import { BodySender } from "./body-sender.ts";
import type { Http2Stream, StreamEvents } from "./http2-stream.ts";
import { readHead, readTrailers, type ReadHead } from "./response-fields.ts";
import { goneFailure, resetFailure } from "./stream-failure.ts";

/** What one call is made of. */
export interface Http2CallParts {
  readonly request: UpstreamRequest;
  readonly fields: readonly Field[];
  readonly timeouts: UpstreamTimeouts;
  /** When all of it has to be over, monotonic; undefined: the total timeout from now. */
  readonly totalDueMs: number | undefined;
  readonly clock: Clock;
  readonly cancel: Cancel;
  /** The upstream cannot have seen it, and it is still whole: it has to be given another connection. Asked once. */
  readonly onAgain: (call: Http2Call) => void;
  /** It ran out of a time of ours, having waited since then (monotonic): the connection may be dead. */
  readonly onLate: (call: Http2Call, sinceMs: number) => void;
  /** The call occupies no stream any more; called once. */
  readonly onOver: (call: Http2Call) => void;
}

/**
 * One request and its response on one stream. Settles `answer` at the response head; from then on troubles end the body. What the upstream
 * provably did not see is begun again once, where nothing of its body was read.
 */
export class Http2Call implements ResponseSource, StreamEvents {
  readonly answer: Promise<AttemptAnswer>;
  readonly parts: Http2CallParts;
  readonly #settle: (answer: AttemptAnswer) => void;
  readonly #releaseCancel: (() => void) | undefined;
  readonly #alarm: DeadlineAlarm;
  readonly #totalDueMs: number;
  #phase: Phase = "queued";
  #stream: Http2Stream | undefined;
  #sender: BodySender | undefined;
  #head: (ReadHead & { readonly kind: "final" }) | undefined;
  #body: ResponseBody | undefined;
  #receivedBytes = 0;
  /** What the deadline of the phase counts from. */
  #sinceMs: number;
  #isRepeated = false;

  constructor(parts: Http2CallParts) {
    const { clock, timeouts, cancel, request } = parts;
    const { promise, resolve } = Promise.withResolvers<AttemptAnswer>();
    this.answer = promise;
    this.#settle = resolve;
    this.parts = parts;
    this.#sinceMs = clock.nowMs();
    const totalDueMs = parts.totalDueMs ?? this.#sinceMs + (timeouts.totalMs ?? Number.POSITIVE_INFINITY);
    this.#totalDueMs = Math.min(totalDueMs, request.deadlineMs ?? Number.POSITIVE_INFINITY);
    this.#alarm = new DeadlineAlarm(clock, (nowMs) => this.#onDue(nowMs));
    // may run at once
    this.#releaseCancel = cancel.onAbort(() => this.fail({ problem: "upstream_unreachable", cause: "cancelled", kind: "other" }));
    if (this.over) this.#releaseCancel();
    else this.#setDeadline();
  }

  get over(): boolean {
    return this.#phase === "over";
  }

  /** Whether the request's head goes without anything behind it. */
  get endsWithHead(): boolean {
    const { body } = this.parts.request;
    return body === undefined || (!isStream(body) && body.byteLength === 0);
  }

  /** There is a stream for it, and its head is written. */
  begin(stream: Http2Stream): void {
    this.#stream = stream;
    this.#enter("sending");
    const { body, passesTrailer } = this.parts.request;
    if (stream.sent) return this.#onSent();
    this.#sender = new BodySender(stream, {
      passesTrailer,
      onSent: () => this.#onSent(),
      onBroken: (failure) => this.fail({ ...failure, kind: "other" }),
    });
    this.#sender.begin(body);
  }

  /** The connection ended, or refused it, before the upstream can have acted: another one may take it, once. */
  #mayBeginAgain(): boolean {
    if (this.#isRepeated || this.#body !== undefined || this.#head !== undefined || isStream(this.parts.request.body))
      return false;
    this.#isRepeated = true;
    this.#stream = undefined;
    this.#sender = undefined;
    this.#enter("queued");
    return true;
  }

  onRoom(): void {
    if (this.#phase === "sending") this.#sinceMs = this.parts.clock.nowMs();
    this.#sender?.onRoom();
  }

  onFields(fields: readonly Field[], endsStream: boolean): void {
    if (this.over) return;
    if (this.#head !== undefined) return this.#onTrailers(fields, endsStream);
    const head = readHead(this.parts.request.method, fields);
    if (!head.ok) return this.#refuse(head.error, endsStream);
    if (head.value.kind === "interim") return endsStream ? this.#refuse("an interim response that ends", true) : undefined;
    this.#onHead(head.value, endsStream);
  }

  onBytes(bytes: Uint8Array, endsStream: boolean): void {
    if (this.over) return;
    if (this.#head === undefined) return this.#refuse("a body without a head", endsStream);
    this.#sinceMs = this.parts.clock.nowMs();
    this.#receivedBytes += bytes.byteLength;
    if (this.#receivedBytes > (this.#promisedBytes ?? Number.POSITIVE_INFINITY))
      return this.#refuse("a body longer than its length", endsStream);
    if (bytes.byteLength > 0) this.#body?.push(bytes);
    if (endsStream) this.#end();
  }

  onReset(code: number): void {
    if (this.over) return;
    if (code === H2_ERROR.REFUSED_STREAM && this.#mayBeginAgain()) return this.parts.onAgain(this);
    this.#leave();
    this.#conclude(resetFailure(code, !isStream(this.parts.request.body)));
  }

  onGone(unseen: boolean, reason: string): void {
    if (this.over) return;
    if (unseen && this.#mayBeginAgain()) return this.parts.onAgain(this);
    this.#leave();
    this.#conclude(goneFailure(unseen, reason, !isStream(this.parts.request.body)));
  }

  pause(): void {
    if (!this.over) this.#stream?.pause();
  }

  resume(): void {
    if (this.over) return;
    // silence counts from here, not from before the reader's rest
    this.#sinceMs = this.parts.clock.nowMs();
    this.#stream?.resume();
  }

  /** Nobody reads the rest of the response. */
  abandon(): void {
    if (this.over) return;
    this.#leave();
    this.#stream?.reset(H2_ERROR.CANCEL);
  }

  /** Ends it, and the stream with it. */
  fail(failure: AttemptFailure): void {
    if (this.over) return;
    this.#leave();
    this.#conclude(failure);
    this.#stream?.reset(H2_ERROR.CANCEL);
  }

  get #promisedBytes(): number | undefined {
    const body = this.#head?.body;
    return body?.kind === "none" ? 0 : body?.declaredBytes;
  }

  #onHead(head: ReadHead & { readonly kind: "final" }, endsStream: boolean): void {
    const { status, headers, body } = head;
    this.#head = head;
    if (endsStream && (this.#promisedBytes ?? 0) > 0) return this.#refuse("a body shorter than its length", true);
    this.#enter("receiving");
    if (!endsStream && body.kind === "stream") this.#body = new ResponseBody(body.declaredBytes, this);
    this.#settle(ok({ status, headers, body: this.#body }));
    if (endsStream) this.#end();
  }

  #onTrailers(fields: readonly Field[], endsStream: boolean): void {
    const trailers = readTrailers(fields);
    if (!trailers.ok) return this.#refuse(trailers.error, endsStream);
    if (!endsStream) return this.#refuse("trailers that do not end the response", false);
    this.#end(passableTrailers(trailers.value));
  }

  #end(trailers?: ReturnType<typeof passableTrailers>): void {
    if (this.#receivedBytes < (this.#promisedBytes ?? 0)) return this.#refuse("a body shorter than its length", true);
    this.#leave();
    this.#body?.finish((sink) => (trailers === undefined ? sink.end() : sink.end(trailers)));
  }

  /** What came is no valid response. */
  #refuse(cause: string, endsStream: boolean): void {
    this.#leave();
    this.#conclude({ problem: "upstream_invalid_response", cause, kind: "broken" });
    if (!endsStream) this.#stream?.reset(H2_ERROR.PROTOCOL_ERROR);
  }

  #conclude(failure: AttemptFailure): void {
    this.#settle(err(failure));
    this.#body?.finish((sink) => sink.fail(failure));
  }

  #onSent(): void {
    this.#sender = undefined;
    if (this.#phase === "sending") this.#enter("awaiting");
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#sinceMs = this.parts.clock.nowMs();
    this.#setDeadline();
  }

  #setDeadline(): void {
    this.#alarm.set(Math.min(phaseDueMs(this.#phase, this.#sinceMs, this.parts.timeouts), this.#totalDueMs));
  }

  /** The deadline came. Fails the call, or puts the deadline off where it is not the upstream's turn. */
  #onDue(nowMs: number): void {
    const { connectMs, firstByteMs, idleMs } = this.parts.timeouts;
    if (nowMs >= this.#totalDueMs) return this.#expire("the time for the whole is over", "other");
    if (nowMs < phaseDueMs(this.#phase, this.#sinceMs, this.parts.timeouts)) return this.#setDeadline();
    if (this.#phase === "queued") return this.#expire(`connect timeout ${connectMs} ms exceeded`, "connect");
    if (this.#phase === "awaiting") return this.#expire(`first byte timeout ${firstByteMs} ms exceeded`, "slow");
    // a body that was promised empty has nobody to wait for it
    const isUpstreamsTurn = this.#phase === "receiving" ? this.#body?.wanted !== false : this.#stream?.waits === true;
    if (isUpstreamsTurn) return this.#expire(`idle timeout ${idleMs} ms exceeded`, "slow");
    this.#sinceMs = nowMs;
    this.#setDeadline();
  }

  #expire(cause: string, kind: AttemptFailureKind): void {
    const { clock, request, onLate } = this.parts;
    // a time the request brought says nothing about the upstream: any client could choose it
    const isOurs = request.deadlineMs === undefined || clock.nowMs() < request.deadlineMs;
    if (this.#phase !== "queued" && isOurs) onLate(this, this.#sinceMs);
    this.fail({ problem: "upstream_timeout", cause, kind });
  }

  #leave(): void {
    const { request, onOver } = this.parts;
    this.#phase = "over";
    this.#alarm.close();
    this.#releaseCancel?.();
    if (this.#sender !== undefined) this.#sender.stop();
    else if (this.#stream === undefined && isStream(request.body)) request.body.discard();
    onOver(this);
  }
}
