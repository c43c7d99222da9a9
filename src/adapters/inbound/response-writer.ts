import type { ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import { isStream, type ByteSink, type ByteStream, type Flow } from "../../model/byte-stream.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Sent } from "../../ports/inbound.ts";
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
export class ResponseWriter implements ByteSink {
  readonly sent: Promise<Sent>;
  readonly #response: ServerResponse;
  readonly #parts: WriterParts;
  readonly #settle: (sent: Sent) => void;
  #promisedBytes: number | undefined;
  #bytes = 0;
  #flow: Flow | undefined;
  #stopStall: (() => void) | undefined;
  #cause: unknown;
  #bodyBroke = false;
  #over = false;

  constructor(response: ServerResponse, parts: WriterParts) {
    const { promise, resolve } = Promise.withResolvers<Sent>();
    this.sent = promise;
    this.#settle = resolve;
    this.#response = response;
    this.#parts = parts;
  }

  /** Begins sending. Throws, with nothing sent, where Node refuses the head: a bug of ours. */
  send(framed: FramedResponse): void {
    const { status, raw, body } = framed;
    if (this.#response.destroyed) return this.#neverBegan(body);
    this.#response.writeHead(status, raw);
    this.#promisedBytes = framed.promisedBytes;
    this.#response.on("finish", this.#onFinish);
    this.#response.on("close", this.#onClose);
    this.#response.on("drain", this.#onDrain);
    this.#response.on("error", this.#onError);
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

  end(): void {
    if (this.#over) return;
    if (this.#promisedBytes !== undefined && this.#bytes < this.#promisedBytes)
      return this.fail("the body is shorter than the length it declared");
    this.#finish();
  }

  fail(cause: unknown): void {
    if (this.#over) return;
    // the client left first, and its leaving broke the body off: nobody else is to blame
    if (this.#response.destroyed) return this.#conclude(false);
    this.#bodyBroke = true;
    this.#cut(cause);
  }

  #pipe(body: ByteStream): void {
    const flow = body.pipe(this);
    this.#flow = flow;
    if (this.#over) return flow.cancel(this.#cause);
    // the first byte may be long in coming: the head does not wait for it
    if (this.#bytes === 0 && !this.#response.writableEnded) this.#response.flushHeaders();
  }

  #put(chunk: Uint8Array): boolean {
    const wantsMore = this.#bytes === 0 && chunk.byteLength <= JOINED_BYTES ? this.#joined(chunk) : this.#response.write(chunk);
    this.#bytes += chunk.byteLength;
    if (!wantsMore)
      this.#stopStall ??= this.#parts.clock.after(this.#parts.stallMs, () => this.#cut("the client takes no bytes"));
    return wantsMore;
  }

  /** As text, because Node then puts it behind the head and writes both as one piece: 20 of 165 µs a request (2026-11, 2 cores). Each byte is one character of latin1 and back. */
  #joined(chunk: Uint8Array): boolean {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    return this.#response.write(bytes.toString("latin1"), "latin1");
  }

  #finish(): void {
    const end = (): void => {
      if (this.#over) return;
      // what has a length is whole already: behind it Node would put an empty piece, and two pieces take the slow way out
      if (this.#promisedBytes !== undefined) this.#response.socket?.uncork();
      this.#response.end();
    };
    const pending = this.#parts.beforeEnd();
    // in the same turn where possible: head, bytes and end then leave in one write
    if (pending === undefined) end();
    else void pending.then(end);
  }

  #cut(cause: unknown): void {
    this.#cause ??= cause;
    const { socket, req } = this.#response;
    // HTTP/1.0 ends a body by closing: only a reset tells that it is not whole. Over TLS the missing close_notify does
    if (req.httpVersionMinor === 0 && socket !== null && !(socket instanceof TLSSocket)) socket.resetAndDestroy();
    this.#response.destroy();
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

  readonly #onFinish = (): void => this.#conclude(true);
  readonly #onClose = (): void => this.#conclude(false);

  readonly #onError = (error: unknown): void => {
    this.#cause ??= error;
  };

  readonly #onDrain = (): void => {
    this.#stopStall?.();
    this.#stopStall = undefined;
    this.#flow?.resume();
  };
}

/** A first piece up to this size leaves with the head. */
const JOINED_BYTES = 16 * 1024;
