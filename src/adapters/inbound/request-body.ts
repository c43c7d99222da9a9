import { BodyFailure } from "../../model/body-failure.ts";
import type { ByteSink, ByteStream, Flow } from "../../model/byte-stream.ts";
import type { HeaderLines } from "../../model/header-lines.ts";
import type { Clock } from "../../ports/clock.ts";
import type { BodyListener, BodySource } from "./exchange-wire.ts";

/** Slower than this, over a whole `bodyIdleMs` in which it was wanted, no body is received to its end. */
const MIN_BYTES_PER_SECOND = 1024;

const CLIENT_GONE = new BodyFailure("client_closed", "The client closed the connection.");

type BodyState = "unwanted" | "flowing" | "resting" | "over";

/** What a body is made of. */
export interface RequestBodyParts {
  readonly source: BodySource;
  readonly declaredBytes: number | undefined;
  readonly clock: Clock;
  readonly bodyIdleMs: number;
  /** Called once, before the first byte is asked for: the moment for `100 Continue` (C24). */
  readonly onWanted: () => void;
}

/**
 * The body of a request in flight. Nothing is read from the connection, and no `100 Continue` sent, before somebody pipes it.
 * Fails with a `BodyFailure`: `request_timeout` when the client stalls or trickles while bytes are wanted, `client_closed`
 * when it leaves, `bad_request` when the framing turns out broken.
 */
export class RequestBody implements ByteStream, Flow, BodyListener {
  readonly declaredBytes: number | undefined;
  readonly #parts: RequestBodyParts;
  #receivedBytes = 0;
  #sink: ByteSink | undefined;
  #state: BodyState = "unwanted";
  #failure: BodyFailure | undefined;
  #lastByteMs = 0;
  #windowStartMs = 0;
  #windowBytes = 0;
  #stopTimer: (() => void) | undefined;

  constructor(parts: RequestBodyParts) {
    this.declaredBytes = parts.declaredBytes;
    this.#parts = parts;
  }

  /** Whether anybody ever asked for a byte. */
  get wanted(): boolean {
    return this.#sink !== undefined;
  }

  /** Bytes that arrived so far. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Bytes still to come by the declared length; 0 when all has arrived, Infinity when nobody knows. */
  get remainingBytes(): number {
    if (this.#parts.source.complete) return 0;
    return this.declaredBytes === undefined ? Number.POSITIVE_INFINITY : this.declaredBytes - this.#receivedBytes;
  }

  pipe(sink: ByteSink): Flow {
    if (this.#parts.source.gone) this.#failure ??= CLIENT_GONE;
    if (this.#failure !== undefined) {
      this.#state = "over";
      sink.fail(this.#failure);
      return this;
    }
    this.#sink = sink;
    this.#parts.onWanted();
    this.#parts.source.listen(this);
    this.resume();
    return this;
  }

  resume(): void {
    if (this.#state === "over" || this.#state === "flowing" || this.#sink === undefined) return;
    this.#state = "flowing";
    this.#openWindow();
    this.#watch();
    this.#parts.source.resume();
  }

  cancel(): void {
    this.#leave();
  }

  discard(): void {
    this.#leave();
  }

  /** The rest of the body can never be had: `failure` says why. Known now, or as soon as somebody asks. */
  breakOff(failure: BodyFailure): void {
    if (this.#state === "over") return;
    this.#failure = failure;
    const sink = this.#sink;
    if (sink === undefined) return;
    this.#leave();
    sink.fail(failure);
  }

  onBytes(chunk: Uint8Array): void {
    this.#receivedBytes += chunk.byteLength;
    this.#windowBytes += chunk.byteLength;
    this.#lastByteMs = this.#parts.clock.nowMs();
    if (this.#state !== "flowing") return;
    // set before the write: a reader that resumes inside it must win
    this.#state = "resting";
    if (this.#sink?.write(chunk) === true) {
      if (this.#stateNow() === "resting") this.#state = "flowing";
    } else if (this.#stateNow() === "resting") {
      this.#stopTimer?.();
      this.#parts.source.pause();
    }
  }

  onEnd(trailers?: HeaderLines): void {
    if (this.#state === "over") return;
    this.#leave();
    this.#sink?.end(trailers);
  }

  onGone(): void {
    this.breakOff(CLIENT_GONE);
  }

  // read through a method: the sink may have changed it meanwhile, which the type checker cannot see
  #stateNow(): BodyState {
    return this.#state;
  }

  #leave(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#stopTimer?.();
    const { source } = this.#parts;
    source.unlisten();
    // what nobody listens to any more must not flow on unseen: the connection decides about the rest
    source.pause();
  }

  #openWindow(): void {
    this.#windowStartMs = this.#parts.clock.nowMs();
    this.#lastByteMs = this.#windowStartMs;
    this.#windowBytes = 0;
  }

  #watch(): void {
    const { clock, bodyIdleMs } = this.#parts;
    this.#stopTimer?.();
    this.#stopTimer = clock.after(Math.max(1, this.#lastByteMs + bodyIdleMs - clock.nowMs()), () => {
      if (this.#state !== "flowing") return;
      const nowMs = clock.nowMs();
      const windowMs = nowMs - this.#windowStartMs;
      const trickles = windowMs >= bodyIdleMs && this.#windowBytes < (windowMs / 1000) * MIN_BYTES_PER_SECOND;
      if (nowMs - this.#lastByteMs >= bodyIdleMs || trickles) {
        return this.breakOff(
          new BodyFailure(
            "request_timeout",
            `The request body arrived too slowly: less than ${MIN_BYTES_PER_SECOND} bytes a second over ${bodyIdleMs} ms.`,
          ),
        );
      }
      if (windowMs >= bodyIdleMs) {
        this.#windowStartMs = nowMs;
        this.#windowBytes = 0;
      }
      this.#watch();
    });
  }
}
