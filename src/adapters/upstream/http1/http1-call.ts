import { isStream } from "../../../model/byte-stream.ts";
import type { Cancel } from "../../../model/cancel.ts";
import type { Response } from "../../../model/exchange.ts";
import { err, ok } from "../../../model/result.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { UpstreamFailure, UpstreamRequest } from "../../../ports/upstream.ts";
import type { AttemptAnswer, AttemptFailure, AttemptFailureKind, UpstreamTimeouts } from "../endpoint-client.ts";
import { ResponseBody, type ResponseSource } from "../response-body.ts";
import { phaseDueMs, type Phase } from "./call-phase.ts";
import type { FramedHead } from "./framed-head.ts";
import type { Line } from "./line.ts";
import { mayBeWrittenAgain } from "./request-head.ts";
import type { RequestWriter, WriterEvents } from "./request-writer.ts";

/** What one call is made of. */
export interface Http1CallParts {
  readonly request: UpstreamRequest;
  /** The request's head as it is written, without the lines that frame the body. */
  readonly head: string;
  readonly timeouts: UpstreamTimeouts;
  /** When all of it has to be over, monotonic; undefined: the total timeout from now. */
  readonly totalDueMs: number | undefined;
  readonly clock: Clock;
  readonly cancel: Cancel;
  /** The call occupies no connection any more; called once. */
  readonly onOver: () => void;
}

/**
 * One request and its response. Settles `answer` at the response head; from then on troubles end the body. Belongs to at most
 * one connection at a time, which tells it what happens and when it is due.
 */
export class Http1Call implements ResponseSource, WriterEvents {
  readonly answer: Promise<AttemptAnswer>;
  readonly parts: Http1CallParts;
  readonly #settle: (answer: AttemptAnswer) => void;
  readonly #releaseCancel: (() => void) | undefined;
  readonly #totalDueMs: number;
  #phase: Phase = "queued";
  #line: Line | undefined;
  #writer: RequestWriter | undefined;
  #body: ResponseBody | undefined;
  /** What the deadline of the phase counts from. */
  #sinceMs: number;
  #repeated = false;

  constructor(parts: Http1CallParts) {
    const { promise, resolve } = Promise.withResolvers<AttemptAnswer>();
    this.answer = promise;
    this.#settle = resolve;
    this.parts = parts;
    this.#sinceMs = parts.clock.nowMs();
    const totalDueMs = parts.totalDueMs ?? this.#sinceMs + (parts.timeouts.totalMs ?? Number.POSITIVE_INFINITY);
    this.#totalDueMs = Math.min(totalDueMs, parts.request.deadlineMs ?? Number.POSITIVE_INFINITY);
    // may run at once
    this.#releaseCancel = parts.cancel.onAbort(() => this.fail(CANCELLED));
  }

  get over(): boolean {
    return this.#phase === "over";
  }

  get begun(): boolean {
    return this.#phase !== "queued";
  }

  /** Whether the whole request is with the kernel. */
  get sent(): boolean {
    return this.#writer === undefined;
  }

  /** This connection will carry it, as soon as it stands. */
  attach(line: Line): void {
    this.#line = line;
  }

  /** The connection stands, and nothing else is on it. */
  begin(writer: RequestWriter): void {
    this.#phase = "sending";
    this.#writer = writer;
    this.#sinceMs = this.parts.clock.nowMs();
    writer.begin(this.parts.head);
    // the deadline of `awaiting` was set meanwhile if all is sent
    if (this.#writer !== undefined) this.#setDeadline();
  }

  /** The kernel refused the request whole. Whether it may be written once more, to another connection; if so, it waits for one. */
  mayBeginAgain(): boolean {
    if (this.#repeated || this.#phase !== "awaiting" || !mayBeWrittenAgain(this.parts.request, this.parts.head)) return false;
    this.#repeated = true;
    this.#phase = "queued";
    this.#sinceMs = this.parts.clock.nowMs();
    this.#line = undefined;
    return true;
  }

  /** When something has to have happened, and what it is counted from; later than any number: never. */
  get dueMs(): number {
    if (this.#phase === "changed") return Number.POSITIVE_INFINITY;
    return Math.min(phaseDueMs(this.#phase, this.#sinceMs, this.parts.timeouts), this.#totalDueMs);
  }

  /** The deadline came. Fails the call, or puts the deadline off where it is not the upstream's turn. */
  onDue(nowMs: number): void {
    const { connectMs, firstByteMs, idleMs, totalMs } = this.parts.timeouts;
    if (this.#phase === "changed") return;
    if (nowMs >= this.#totalDueMs) return this.fail(outOfTime(totalMs));
    if (nowMs < phaseDueMs(this.#phase, this.#sinceMs, this.parts.timeouts)) return this.#setDeadline();
    if (this.#phase === "queued") return this.#expire("connect", connectMs, "connect");
    if (this.#phase === "awaiting") return this.#expire("first byte", firstByteMs, "slow");
    if (this.#phase === "receiving" ? this.#body?.wanted === true : this.#writer?.waits === true)
      return this.#expire("idle", idleMs, "slow");
    this.#sinceMs = nowMs;
    this.#setDeadline();
  }

  onSent(): void {
    this.#writer = undefined;
    if (this.#phase !== "sending") return;
    this.#phase = "awaiting";
    this.#sinceMs = this.parts.clock.nowMs();
    this.#setDeadline();
  }

  onTaken(): void {
    if (this.#phase === "sending") this.#sinceMs = this.parts.clock.nowMs();
  }

  onBroken(failure: UpstreamFailure): void {
    // the client's own doing
    this.fail({ ...failure, kind: "other" });
  }

  /** The response's head. */
  onHead({ status, headers, framing }: FramedHead): void {
    if (this.over) return;
    if (status === 101) return this.#change(headers);
    this.#phase = "receiving";
    this.#sinceMs = this.parts.clock.nowMs();
    if (framing.kind !== "none") {
      this.#body = new ResponseBody(framing.kind === "length" ? framing.bytes : undefined, this);
      this.#setDeadline();
    }
    this.#settle(ok({ status, headers, body: this.#body }));
  }

  /** A piece of its body; whoever gets it may keep it. */
  onBody(bytes: Uint8Array): void {
    if (this.over) return;
    this.#sinceMs = this.parts.clock.nowMs();
    this.#body?.push(bytes);
  }

  /** All of it came. */
  onEnd(): void {
    if (this.over) return;
    this.#leave();
    this.#body?.finish((sink) => sink.end());
  }

  pause(): void {
    if (!this.over) this.#line?.pause();
  }

  resume(): void {
    if (this.over) return;
    // silence counts from here, not from before the reader's rest
    this.#sinceMs = this.parts.clock.nowMs();
    this.#line?.resume();
  }

  /** Nobody reads the rest of the response. */
  abandon(): void {
    if (this.over) return;
    this.#leave();
    this.#line?.destroy();
  }

  /** Ends it, and the connection with it: what was begun there cannot be finished. */
  fail(failure: AttemptFailure): void {
    if (this.over) return;
    this.#leave();
    this.#settle(err(failure));
    this.#body?.finish((sink) => sink.fail(failure));
    this.#line?.destroy();
  }

  #change(headers: Response["headers"]): void {
    this.#phase = "changed";
    this.#setDeadline();
    const body = new ResponseBody(undefined, this);
    this.#body = body;
    const tunnel = this.#line?.tunnel();
    this.#settle(ok({ status: 101, headers, body, ...(tunnel === undefined ? {} : { tunnel }) }));
  }

  #leave(): void {
    const { request, onOver } = this.parts;
    const begun = this.begun;
    this.#phase = "over";
    this.#releaseCancel?.();
    if (begun) this.#writer?.stop();
    else if (isStream(request.body)) request.body.discard();
    onOver();
  }

  #expire(what: string, ms: number, kind: AttemptFailureKind): void {
    this.fail({ problem: "upstream_timeout", cause: `${what} timeout ${ms} ms exceeded`, kind });
  }

  #setDeadline(): void {
    this.#line?.dueAt(this.dueMs);
  }
}

/** `totalMs` undefined: the deadline was the request's own. */
const outOfTime = (totalMs: number | undefined): AttemptFailure => ({
  problem: "upstream_timeout",
  cause: totalMs === undefined ? "the deadline of the request passed" : `total timeout ${totalMs} ms exceeded`,
  kind: "other",
});

const CANCELLED: AttemptFailure = { problem: "upstream_unreachable", cause: "cancelled", kind: "other" };
