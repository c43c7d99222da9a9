import type { Socket } from "node:net";
import type { Refusal } from "../../../model/problem.ts";
import type { HeadCheck } from "../check-head.ts";
import type { DoorParts, ServedConnection } from "../door.ts";
import { InboundExchange } from "../inbound-exchange.ts";
import { CONNECT_REFUSED, LATE_HEAD, OVERSIZED_HEAD, UNPARSABLE } from "../unparsable.ts";
import type { DateLine } from "./date-line.ts";
import type { HeadBlocks } from "./head-blocks.ts";
import { Http1Wire, type WireHolder } from "./http1-wire.ts";
import type { RequestHead } from "./request-head.ts";
import { RequestParser, type ParseFault, type RequestEvents } from "./request-parser.ts";
import type { Awaited, WatchOver } from "./watch-over.ts";

/** Bytes of request bodies nobody takes; then the client waits. One read more may come. */
const MAX_HELD_BYTES = 64 * 1024;

/** Few enough to read on, whoever they wait for: a connection that is not read tells of no further request, nor that its client left. */
const FEW_HELD_BYTES = MAX_HELD_BYTES / 2;

/** How long a connection is kept beyond what its client was told: a request sent at the last moment still has to arrive. */
const KEPT_MARGIN_MS = 1_000;

/** What the lines of one listener share. */
export interface LineParts extends Pick<DoorParts, "settings" | "deps" | "refuse"> {
  readonly blocks: HeadBlocks;
  readonly date: DateLine;
  readonly watch: WatchOver;
}

/**
 * One client's end of a connection: what is read becomes requests, which the connection answers one by one. It is read on while an
 * exchange is under way, because only so a client that leaves is noticed; what comes is bounded by the connection's queue and by
 * how much of bodies may wait.
 */
export class ClientLine implements RequestEvents, WireHolder, Awaited {
  readonly socket: Socket;
  readonly #served: ServedConnection;
  readonly #shared: LineParts;
  readonly #parser: RequestParser;
  dueMs: number;
  /** What is due: a request head, or anything at all. */
  #awaits: "head" | "request" | "nothing" = "head";
  /** The request that is being read. */
  #arriving: Http1Wire | undefined;
  /** The one that is being answered. */
  #answering: Http1Wire | undefined;
  #heldBytes = 0;
  #resting = false;
  /** Nothing that comes is read any more. */
  #deaf = false;

  constructor(served: ServedConnection, shared: LineParts) {
    const { socket } = served;
    this.socket = socket;
    this.#served = served;
    this.#shared = shared;
    this.#parser = new RequestParser(this, shared.blocks, shared.settings.limits);
    // a client that says nothing is given as long as one that does not finish
    this.dueMs = this.#inMs(shared.settings.limits.headerTimeoutMs);
    shared.watch.add(this);
    socket.on("data", this.#onData);
    socket.on("end", this.#onFinished);
    socket.on("drain", this.#onDrain);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
  }

  get keptSeconds(): number {
    return Math.floor(this.#shared.settings.limits.idleMs / 1000);
  }

  get date(): string {
    return this.#shared.date.now;
  }

  get closed(): boolean {
    return this.socket.destroyed;
  }

  onHead(head: RequestHead, checked: HeadCheck): void {
    this.#await("nothing", Number.POSITIVE_INFINITY);
    const wire = new Http1Wire(this, head, checked);
    this.#arriving = wire;
    if (!this.#served.connection.accept(new InboundExchange(wire, this.#served.parts))) this.#goDeaf();
  }

  onBody(bytes: Uint8Array): void {
    this.#arriving?.body.push(bytes);
  }

  onEnd(): void {
    const wire = this.#arriving;
    this.#arriving = undefined;
    wire?.body.finish();
  }

  held(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes <= FEW_HELD_BYTES) return this.#readOn();
    if (this.#heldBytes < MAX_HELD_BYTES || this.#resting || this.#deaf) return;
    this.#resting = true;
    this.socket.pause();
  }

  turnOf(wire: Http1Wire): void {
    this.#answering = wire;
    if (this.#awaits === "request") this.#await("nothing", Number.POSITIVE_INFINITY);
  }

  answered(closes: boolean): void {
    this.#answering = undefined;
    // its close is noticed, and nothing it still sends resets the connection over the answer
    if (closes) return this.#goDeaf();
    if (this.#awaits === "nothing") this.#await("request", this.#inMs(this.#shared.settings.limits.idleMs + KEPT_MARGIN_MS));
  }

  onDue(): void {
    const awaited = this.#awaits;
    this.#await("nothing", Number.POSITIVE_INFINITY);
    if (awaited === "head") this.#refuse(LATE_HEAD);
    else this.socket.destroy();
  }

  #await(what: "head" | "request" | "nothing", dueMs: number): void {
    this.#awaits = what;
    this.dueMs = dueMs;
  }

  #inMs(ms: number): number {
    return this.#shared.deps.clock.nowMs() + ms;
  }

  #refuse(refusal: Refusal): void {
    this.#goDeaf();
    this.#shared.refuse(this.socket, this.#served.connection, refusal);
  }

  #goDeaf(): void {
    this.#deaf = true;
    this.#parser.release();
    this.#await("nothing", Number.POSITIVE_INFINITY);
    this.#readOn();
  }

  #readOn(): void {
    if (!this.#resting || this.socket.destroyed) return;
    this.#resting = false;
    this.socket.resume();
  }

  readonly #onData = (piece: Buffer): void => {
    if (this.#deaf || this.socket.writableEnded) return;
    const fault = this.#parser.read(piece);
    if (fault !== undefined) return this.#refuse(REFUSALS[fault]);
    if (this.#parser.isWithinHead && this.#awaits !== "head")
      this.#await("head", this.#inMs(this.#shared.settings.limits.headerTimeoutMs));
  };

  /** The client sends no more: one that has asked is gone, as it is to Node's server. */
  readonly #onFinished = (): void => {
    // closed behind the response under way, as was decided when the rest was refused
    if (this.#deaf && this.#served.connection.busy) return;
    if (!this.#deaf && this.#parser.isWithinRequest) return this.#refuse(UNPARSABLE);
    this.socket.end();
  };

  readonly #onDrain = (): void => this.#answering?.room();

  readonly #onError = (error: unknown): void => this.#answering?.troubled(error);

  readonly #onClose = (): void => {
    this.#shared.watch.delete(this);
    this.#parser.release();
    this.#answering?.lost();
    if (this.#arriving !== this.#answering) this.#arriving?.lost();
    this.#answering = this.#arriving = undefined;
  };
}

const REFUSALS: Readonly<Record<ParseFault, Refusal>> = {
  "no-request": UNPARSABLE,
  "too-large": OVERSIZED_HEAD,
  connect: CONNECT_REFUSED,
};
