import type { Socket } from "node:net";
import type { HeadCheck } from "../check-head.ts";
import type { DateLine } from "../http1/date-line.ts";
import { Http1Wire, type WireHolder } from "../http1/http1-wire.ts";
import type { RequestHead } from "../http1/request-head.ts";

/** Bytes that may wait behind a head; then the client waits. One read more may come. */
const MAX_HELD_BYTES = 64 * 1024;

/** From here down it may send on. */
const FEW_HELD_BYTES = MAX_HELD_BYTES / 2;

/** What such a connection begins with. */
export interface ChangingParts {
  readonly date: DateLine;
  readonly head: RequestHead;
  readonly checked: HeadCheck;
  /** What was read behind the head. */
  readonly first: Buffer;
}

/**
 * A connection that Node's server has let go because its request asks for a WebSocket: that request, and whatever comes behind it. Node has no
 * response object for it, so that our own codec writes the answer, whatever it is; no other request follows on the connection.
 */
export class ChangingLine implements WireHolder {
  readonly socket: Socket;
  readonly keptSeconds = 0;
  readonly wire: Http1Wire;
  readonly #date: DateLine;
  #heldBytes = 0;
  #deaf = false;

  constructor(socket: Socket, parts: ChangingParts) {
    this.socket = socket;
    this.#date = parts.date;
    this.wire = new Http1Wire(this, parts.head, parts.checked);
    this.wire.mayChange();
    socket.on("error", (error) => this.wire.troubled(error));
    socket.on("close", () => this.wire.lost());
    socket.on("drain", () => this.wire.room());
    socket.on("data", this.#onData);
    socket.on("end", this.#onFinished);
    if (parts.first.byteLength > 0) this.#onData(parts.first);
    // Node left it paused; a client that goes is noticed only by reading
    socket.resume();
  }

  get date(): string {
    return this.#date.now;
  }

  get closed(): boolean {
    return this.socket.destroyed;
  }

  turnOf(): void {}

  answered(): void {
    this.#deaf = true;
    this.#readOn();
  }

  held(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes <= FEW_HELD_BYTES) this.#readOn();
    else if (this.#heldBytes >= MAX_HELD_BYTES && !this.#deaf) this.socket.pause();
  }

  #readOn(): void {
    if (this.socket.isPaused() && !this.socket.destroyed) this.socket.resume();
  }

  readonly #onData = (bytes: Buffer): void => {
    if (!this.#deaf) this.wire.behind?.push(bytes);
  };

  readonly #onFinished = (): void => {
    if (this.wire.changed) this.wire.behind?.finish();
    else this.socket.end();
  };
}
