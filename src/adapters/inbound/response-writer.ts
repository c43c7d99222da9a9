import { isStream, type ByteSink, type ByteStream, type Flow } from "../../model/byte-stream.ts";
import type { HeaderLines } from "../../model/header-lines.ts";
import type { Clock } from "../../ports/clock.ts";
import { ToldFailure } from "../../model/told-failure.ts";
import type { Sent } from "../../ports/inbound.ts";
import type { ExchangeWire, WireWatcher } from "./exchange-wire.ts";
import type { FramedResponse } from "./response-framing.ts";

/** What sending needs besides the response. */
export interface WriterParts {
  readonly clock: Clock;
  /** How long a client may leave bytes untaken, milliseconds. The kernel hides small progress: it must be minutes, not seconds. */
  readonly stallMs: number;
  /** Runs when all but the end of the message is out: what is left of the request must be read or given up. Undefined: nothing is. */
  readonly beforeEnd: () => Promise<void> | undefined;
}

/**
 * Sends one framed response. A body that breaks off, or has other than the promised number of bytes, cuts the connection:
 * a client never takes part of it for all. Settles when nothing more will be sent; never rejects.
 */
export class ResponseWriter implements ByteSink, WireWatcher {
  readonly sent: Promise<Sent>;
  readonly #wire: ExchangeWire;
  readonly #parts: WriterParts;
  readonly #settle: (sent: Sent) => void;
  #promisedBytes: number | undefined;
  #bytes = 0;
  #flow: Flow | undefined;
  #stopStall: (() => void) | undefined;
  #cause: unknown;
  #bodyBroke = false;
  #over = false;

  constructor(wire: ExchangeWire, parts: WriterParts) {
    const { promise, resolve } = Promise.withResolvers<Sent>();
    this.sent = promise;
    this.#settle = resolve;
    this.#wire = wire;
    this.#parts = parts;
  }

  /** Begins sending. Throws, with nothing sent, where the head is refused: a bug of ours. */
  send(framed: FramedResponse): void {
    const { body } = framed;
    if (this.#wire.gone) return this.#neverBegan(body);
    this.#wire.writeHead(framed);
    this.#promisedBytes = framed.promisedBytes;
    if (isStream(body)) return this.#pipe(body);
    if (body !== undefined && body.byteLength > 0) this.#put(body);
    this.#finish();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over) return false;
    if (this.#promisedBytes !== undefined && this.#bytes + chunk.byteLength > this.#promisedBytes) {
      this.fail("the body is longer than the length it declared");
      return false;
    }
    return this.#put(chunk);
  }

  end(trailers?: HeaderLines): void {
    if (this.#over) return;
    if (this.#promisedBytes !== undefined && this.#bytes < this.#promisedBytes)
      return this.fail("the body is shorter than the length it declared");
    this.#finish(trailers);
  }

  fail(cause: unknown): void {
    if (this.#over) return;
    // the client left first, and its leaving broke the body off: nobody else is to blame
    if (this.#wire.gone) return this.#conclude(false);
    this.#bodyBroke = true;
    if (!(cause instanceof ToldFailure) || !this.#takes(cause)) return this.#cut(cause);
    const { words } = cause;
    this.#cause ??= cause.cause;
    if (!(words instanceof Uint8Array)) return this.#finish(words);
    this.#put(words);
    this.#finish();
  }

  /** Whether there is a place for the last words of a body: where bytes are counted none more, and behind too few no trailers make a message. */
  #takes({ words }: ToldFailure): boolean {
    if (words instanceof Uint8Array) return this.#promisedBytes === undefined;
    const isShort = this.#promisedBytes !== undefined && this.#bytes < this.#promisedBytes;
    return !isShort && this.#wire.carriesTrailers === true;
  }

  #pipe(body: ByteStream): void {
    const flow = body.pipe(this);
    this.#flow = flow;
    if (this.#over) return flow.cancel(this.#cause);
    // the first byte may be long in coming: the head does not wait for it
    if (this.#bytes === 0) this.#wire.flushHead();
  }

  #put(chunk: Uint8Array): boolean {
    const wantsMore = this.#wire.write(chunk);
    this.#bytes += chunk.byteLength;
    if (!wantsMore) this.#watchStall();
    return wantsMore;
  }

  #watchStall(): void {
    this.#stopStall ??= this.#parts.clock.after(this.#parts.stallMs, () => this.#cut("the client takes no bytes"));
  }

  #finish(trailers?: HeaderLines): void {
    const end = (): void => {
      // what waits may be too little for the wire to ask for a pause
      if (!this.#over && !this.#wire.end(trailers)) this.#watchStall();
    };
    const pending = this.#parts.beforeEnd();
    // in the same turn where possible: head, bytes and end then leave in one write
    if (pending === undefined) return end();
    this.#wire.flushHead();
    void pending.then(end);
  }

  #cut(cause: unknown): void {
    this.#cause ??= cause;
    this.#wire.cut();
    this.#conclude(false);
  }

  #neverBegan(body: FramedResponse["body"]): void {
    if (isStream(body)) body.discard();
    this.#conclude(false);
  }

  #conclude(completed: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopStall?.();
    if (!completed) this.#flow?.cancel(this.#cause);
    this.#settle({
      bytes: this.#bytes,
      completed,
      ...(this.#cause === undefined ? {} : { cause: this.#cause }),
      ...(this.#bodyBroke ? { bodyBroke: true } : {}),
    });
  }

  onOut(): void {
    this.#conclude(true);
  }

  onGone(): void {
    this.#conclude(false);
  }

  onError(error: unknown): void {
    this.#cause ??= error;
  }

  onRoom(): void {
    this.#stopStall?.();
    this.#stopStall = undefined;
    this.#flow?.resume();
  }
}
