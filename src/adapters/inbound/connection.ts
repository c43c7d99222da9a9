import type { Socket } from "node:net";
import type { Clock } from "../../ports/clock.ts";
import type { BodyFailure } from "../../model/body-failure.ts";
import type { InboundExchange } from "./inbound-exchange.ts";
import type { Line } from "./line.ts";

/** Requests a client may send ahead on one connection; it must send those behind them again elsewhere (RFC 9112 section 9.3.2). */
const MAX_PIPELINED = 16;

/** How long a client may take to see that the connection is closed, before it is cut. */
const LINGER_MS = 1_000;

/**
 * Ends a connection behind what was written. It stays open for reading for a moment: closing it over unread bytes would reset
 * it, and the answer with it.
 */
export function closeGently(socket: Socket, clock: Clock): void {
  if (socket.destroyed) return;
  if (!socket.writableEnded) socket.end();
  const stop = clock.after(LINGER_MS, () => socket.destroy());
  socket.once("close", stop);
}

/** Who counts exchanges over all connections of a listener. */
export interface Tally {
  begun(): void;
  over(): void;
}

/** One HTTP/1.1 connection: its requests are answered one after the other, in their order. */
export class Connection implements Line {
  readonly socket: Socket;
  readonly #clock: Clock;
  readonly #tally: Tally;
  readonly #waiting: InboundExchange[] = [];
  #current: InboundExchange | undefined;
  #closing = false;
  /** More was sent ahead than is taken: the last one taken closes. */
  #overrun = false;
  /** Bytes received when the last exchange was over. */
  #settledBytes = 0;

  constructor(socket: Socket, clock: Clock, tally: Tally) {
    this.socket = socket;
    this.#clock = clock;
    this.#tally = tally;
  }

  /** Whether the response being made is the last one. */
  get closing(): boolean {
    return this.#closing || (this.#overrun && this.#waiting.length === 0);
  }

  get busy(): boolean {
    return this.#current !== undefined;
  }

  /** Nothing under way and not a byte of a further request. */
  get idle(): boolean {
    return this.#current === undefined && this.socket.bytesRead === this.#settledBytes;
  }

  // the next response says it
  leave(): void {}

  shut(): void {
    this.#closing = true;
    this.#waiting.length = 0;
    if (this.#current === undefined) this.socket.destroy();
  }

  settle(): void {
    if (this.idle) this.socket.destroy();
  }

  /** Takes a request; it runs when those before it are answered. On a connection that is to close it is forgotten, and so is whatever comes behind: `false`. */
  accept(exchange: InboundExchange): boolean {
    if (this.#closing || this.#overrun) return false;
    if (this.#current === undefined) this.#start(exchange);
    else if (this.#waiting.length < MAX_PIPELINED) this.#waiting.push(exchange);
    else this.#overrun = true;
    return !this.#overrun;
  }

  /**
   * The bytes behind what was parsed so far make no sense. A request they should have completed breaks off with `failure`;
   * those not begun are forgotten; the connection closes behind the response under way.
   */
  poison(failure: BodyFailure): void {
    this.#closing = true;
    this.#waiting.length = 0;
    if (this.#current?.isReceived === false) this.#current.breakOff(failure);
  }

  /** There is room for more of the response under way, and no codec left to say so. */
  room(): void {
    this.#current?.onRoom();
  }

  #start(exchange: InboundExchange): void {
    this.#current = exchange;
    this.#tally.begun();
    exchange.run().then(
      (ending) => this.#next(ending),
      // a bug of ours; what was sent so far cannot be taken back, so the connection ends
      () => this.socket.destroy(),
    );
  }

  #next(ending: "reusable" | "closes"): void {
    this.#current = undefined;
    this.#tally.over();
    this.#settledBytes = this.socket.bytesRead;
    if (ending === "closes" || this.closing) {
      this.#closing = true;
      this.#waiting.length = 0;
      return closeGently(this.socket, this.#clock);
    }
    const next = this.#waiting.shift();
    if (next !== undefined) this.#start(next);
  }
}
