import type { Socket } from "node:net";
import { BodyFailure } from "../../../model/body-failure.ts";
import { isStream, type ByteSink, type ByteStream, type Flow } from "../../../model/byte-stream.ts";
import type { UpstreamFailure, UpstreamRequest } from "../../../ports/upstream.ts";
import { bytesStream } from "../../../support/byte-streams.ts";
import { framingLines, noBodyLines } from "./request-head.ts";

/** A body at hand is given to the connection in pieces of this many bytes, so that progress can be seen; as much waits for the head at most. */
const PIECE_BYTES = 64 * 1024;

/** Who hears how writing goes. */
export interface WriterEvents {
  /** Everything is out of our hands, up to what the kernel takes at once. */
  onSent(): void;
  /** The connection took bytes it had let wait. */
  onTaken(): void;
  /** The request cannot be completed; what was written is not all. */
  onBroken(failure: UpstreamFailure): void;
}

/**
 * Writes one request to one connection, with one framing: the length where it is known, else chunked. Head and first bytes of
 * the body leave in one write. Backpressure is the connection's.
 */
export class RequestWriter implements ByteSink {
  readonly #socket: Socket;
  readonly #request: UpstreamRequest;
  readonly #events: WriterEvents;
  #flow: Flow | undefined;
  /** What came before the head could be written; undefined: it is. */
  #early: Uint8Array[] | undefined = [];
  #declaredBytes: number | undefined;
  #bytes = 0;
  /** `ended`: the body is; its last bytes may wait for the connection. */
  #state: "unbegun" | "flowing" | "ended" | "over" = "unbegun";

  constructor(socket: Socket, request: UpstreamRequest, events: WriterEvents) {
    this.#socket = socket;
    this.#request = request;
    this.#events = events;
  }

  /** Begins; `head` ends before the lines that frame the body. */
  begin(head: string): void {
    const { body, method } = this.#request;
    if (isStream(body)) return this.#pipe(head, body);
    if (body === undefined || body.byteLength === 0) {
      this.#socket.write(head + noBodyLines(method), "latin1");
      return this.#ended();
    }
    if (body.byteLength > PIECE_BYTES) return this.#pipe(head, bytesStream(piecesOf(body)));
    this.#socket.cork();
    this.#socket.write(head + framingLines(body.byteLength), "latin1");
    this.#socket.write(body);
    this.#socket.uncork();
    this.#ended();
  }

  /** Whether bytes wait for the connection to take them. */
  get waits(): boolean {
    return this.#socket.writableLength > 0;
  }

  /** The connection takes bytes again. */
  drained(): void {
    this.#events.onTaken();
    if (this.#state === "flowing") this.#flow?.resume();
    if (this.#state === "ended") this.#sent();
  }

  /** Nobody wants the rest to be written: its producer is told. */
  stop(): void {
    const { body } = this.#request;
    if (this.#state === "unbegun" && isStream(body)) body.discard();
    if (this.#state === "flowing") this.#flow?.cancel();
    this.#state = "over";
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state !== "flowing") return false;
    // an empty chunk would end the body
    if (chunk.byteLength === 0) return this.#early !== undefined || !this.#socket.writableNeedDrain;
    this.#bytes += chunk.byteLength;
    if (this.#declaredBytes !== undefined && this.#bytes > this.#declaredBytes) {
      this.#break("the request body is longer than the length it declared");
      return false;
    }
    if (this.#early === undefined) return this.#put(chunk);
    this.#early.push(chunk);
    return this.#bytes < PIECE_BYTES;
  }

  end(): void {
    if (this.#state !== "flowing") return;
    if (this.#declaredBytes !== undefined && this.#bytes < this.#declaredBytes)
      return this.#break("the request body is shorter than the length it declared");
    this.#state = "ended";
    if (this.#early === undefined) this.#finish();
  }

  fail(cause: unknown): void {
    if (this.#state !== "flowing") return;
    this.#state = "over";
    const timedOut = cause instanceof BodyFailure && cause.problem === "request_timeout";
    this.#events.onBroken({
      problem: timedOut ? "request_timeout" : "bad_request",
      cause: "the request body broke off",
    });
  }

  #pipe(head: string, body: ByteStream): void {
    this.#state = "flowing";
    this.#declaredBytes = body.declaredBytes;
    const flow = body.pipe(this);
    this.#flow = flow;
    const early = this.#early ?? [];
    this.#early = undefined;
    if (this.#now() === "over") return flow.cancel();
    // a body that is already complete has a length, whatever it declared
    if (this.#now() === "ended") this.#declaredBytes = this.#bytes;
    // corked until what was due now has run: bytes that wait in the other connection come then
    this.#socket.cork();
    process.nextTick(() => this.#socket.uncork());
    this.#socket.write(head + framingLines(this.#declaredBytes), "latin1");
    for (const chunk of early) this.#put(chunk);
    if (this.#now() === "ended") return this.#finish();
    if (this.#bytes >= PIECE_BYTES && !this.#socket.writableNeedDrain) flow.resume();
  }

  #put(chunk: Uint8Array): boolean {
    if (this.#declaredBytes !== undefined) return this.#socket.write(chunk);
    this.#socket.cork();
    this.#socket.write(`${chunk.byteLength.toString(16)}\r\n`, "latin1");
    this.#socket.write(chunk);
    const wantsMore = this.#socket.write("\r\n", "latin1");
    this.#socket.uncork();
    return wantsMore;
  }

  #finish(): void {
    if (this.#declaredBytes === undefined) this.#socket.write("0\r\n\r\n", "latin1");
    this.#ended();
  }

  /** The body is written; it is sent when the connection has room again. */
  #ended(): void {
    this.#state = "ended";
    if (!this.#socket.writableNeedDrain) this.#sent();
  }

  #sent(): void {
    this.#state = "over";
    this.#events.onSent();
  }

  #break(cause: string): void {
    this.#state = "over";
    this.#flow?.cancel();
    this.#events.onBroken({ problem: "bad_request", cause });
  }

  // read through a method: whoever was called meanwhile may have changed it, which the type checker cannot see
  #now(): "unbegun" | "flowing" | "ended" | "over" {
    return this.#state;
  }
}

function piecesOf(body: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < body.byteLength; at += PIECE_BYTES) pieces.push(body.subarray(at, at + PIECE_BYTES));
  return pieces;
}
