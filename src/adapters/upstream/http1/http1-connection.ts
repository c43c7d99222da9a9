import type { LookupFunction, Socket } from "node:net";
import type { Clock } from "../../../ports/clock.ts";
import { connectionFailure, nothingWasWritten } from "./connection-failure.ts";
import type { EndpointTls } from "../tls/endpoint-tls.ts";
import { DeadlineAlarm } from "./deadline-alarm.ts";
import type { FramedHead } from "./framed-head.ts";
import type { Tunnel } from "../../../model/tunnel.ts";
import { TunnelSocket } from "../tunnel-socket.ts";
import type { Http1Call } from "./http1-call.ts";
import type { Line } from "./line.ts";
import { openSocket } from "./open-socket.ts";
import { RequestWriter } from "./request-writer.ts";
import { ResponseParser, type ResponseEvents } from "./response-parser.ts";

/** What a connection needs from its pool. */
export interface ConnectionParts {
  readonly host: string;
  readonly port: number;
  /** Undefined: no TLS. */
  readonly tls: EndpointTls | undefined;
  /** Where the host is a name. */
  readonly lookup: LookupFunction | undefined;
  readonly connectMs: number;
  readonly clock: Clock;
  /** How long it may be idle, milliseconds. */
  readonly idleMs: number;
  /** What is read goes here first; shared by all connections, because a read is over before the next begins. */
  readonly readRoom: Buffer;
  /** The connection can carry another request. */
  readonly onFree: (connection: Http1Connection) => void;
  /** It is gone, or will be: nothing more can be had of it. Called once. */
  readonly onGone: (connection: Http1Connection) => void;
  /** This call has to be given another connection. */
  readonly onAgain: (call: Http1Call) => void;
}

/** From here on a body is read into room of its own and passed on without a copy, bytes. */
const LARGE_BYTES = 16 * 1024;

/** Size of such room. */
const OWN_ROOM_BYTES = 64 * 1024;

/**
 * One connection and what is on it: one call at a time. It is given up at the first sign that its two ends could disagree
 * where a message begins: bytes nobody asked for, a refused response, a call that was broken off.
 */
export class Http1Connection implements ResponseEvents, Line {
  readonly #parts: ConnectionParts;
  readonly #socket: Socket;
  readonly #parser = new ResponseParser(this);
  readonly #alarm: DeadlineAlarm;
  #call: Http1Call | undefined;
  #writer: RequestWriter | undefined;
  #state: "connecting" | "open" | "gone" = "connecting";
  /** Whether it has carried a call before. */
  #reused = false;
  #persistent = false;
  #keptForMs: number | undefined;
  #resting = false;
  #ownRoom: Buffer | undefined;
  /** Whether what is being read may be passed on as it is. */
  #handsOver = false;
  #changed = false;
  /** Of the last read of a connection that has changed its protocol: such are many, and mostly silent. */
  #lastBytes = 0;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#alarm = new DeadlineAlarm(parts.clock, this.#onDue);
    this.#socket = openSocket(parts, { buffer: this.#nextRoom, callback: this.#onRead }, this.#onConnect);
    this.#socket.on("drain", () => this.#writer?.drained());
    this.#socket.on("end", this.#onFinished);
    this.#socket.on("error", this.#onBroken);
    this.#socket.on("close", () => this.#onBroken());
  }

  /** Where it leads; undefined before it stands and once it is gone. */
  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /** Takes a call: at once where the connection stands. Only for one that is new or free. */
  take(call: Http1Call): void {
    this.#call = call;
    call.attach(this);
    if (this.#state === "open") this.#begin(call);
    else this.dueAt(call.dueMs);
  }

  dueAt(dueMs: number): void {
    if (this.#state !== "gone") this.#alarm.set(dueMs);
  }

  pause(): void {
    this.#resting = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#resting || this.#state === "gone") return;
    this.#resting = false;
    this.#socket.resume();
  }

  tunnel(): Tunnel {
    this.#changed = true;
    return new TunnelSocket(this.#socket);
  }

  destroy(): void {
    this.#leave();
    this.#socket.destroy();
  }

  onHead(head: FramedHead): void {
    // a response before the whole request: what the upstream takes the rest for, and answers next, is anybody's guess
    const isToAll = this.#call?.sent === true && this.#socket.writableLength === 0;
    this.#persistent = head.persistent && isToAll;
    this.#keptForMs = head.keptForMs;
    this.#call?.onHead(head);
  }

  onBody(bytes: Uint8Array): void {
    // little in a large room is copied, so that it does not hold the room
    this.#call?.onBody(this.#handsOver && bytes.byteLength >= LARGE_BYTES ? bytes : Buffer.from(bytes));
  }

  onEnd(clean: boolean): void {
    const call = this.#call;
    this.#call = undefined;
    this.#writer = undefined;
    const isFree = clean && this.#persistent && call?.over === false;
    if (isFree) this.#rest();
    else this.#leave();
    call?.onEnd();
    if (!isFree) this.#socket.destroy();
  }

  #begin(call: Http1Call): void {
    const { method, upgrade } = call.parts.request;
    this.#parser.begin(method, upgrade !== undefined);
    this.#writer = new RequestWriter(this.#socket, call.parts.request, call);
    call.begin(this.#writer);
  }

  #rest(): void {
    this.#reused = true;
    this.#ownRoom = undefined;
    this.resume();
    const { clock, idleMs } = this.#parts;
    this.dueAt(clock.nowMs() + Math.min(idleMs, this.#keptForMs ?? idleMs));
    this.#parts.onFree(this);
  }

  #leave(): void {
    if (this.#state === "gone") return;
    this.#state = "gone";
    this.#alarm.close();
    this.#parts.onGone(this);
  }

  readonly #nextRoom = (): Buffer => {
    if (this.#parser.remainingBytes < LARGE_BYTES || (this.#changed && this.#lastBytes < LARGE_BYTES)) {
      this.#ownRoom = undefined;
      return this.#parts.readRoom;
    }
    return (this.#ownRoom ??= Buffer.allocUnsafeSlow(OWN_ROOM_BYTES));
  };

  readonly #onRead = (byteCount: number, room: Uint8Array): boolean => {
    const call = this.#call;
    if (call === undefined || !call.begun) {
      // nobody asked for these bytes
      this.destroy();
      return true;
    }
    this.#lastBytes = byteCount;
    this.#handsOver = room === this.#ownRoom && byteCount >= LARGE_BYTES;
    if (this.#handsOver) this.#ownRoom = undefined;
    // what `nextRoom` gave out
    const fault = this.#parser.read(room as Buffer, byteCount);
    if (fault !== undefined) call.fail({ problem: "upstream_invalid_response", cause: fault, kind: "broken" });
    return true;
  };

  readonly #onConnect = (): void => {
    if (this.#state !== "connecting") return;
    this.#state = "open";
    if (this.#call !== undefined) this.#begin(this.#call);
  };

  /** The other end will send no more. */
  readonly #onFinished = (): void => {
    // within the handshake of TLS: an error follows that says so
    if (this.#state === "connecting") return;
    const call = this.#call;
    const fault = call?.begun === true ? this.#parser.finish() : undefined;
    if (fault !== undefined) call?.fail({ problem: "upstream_invalid_response", cause: fault, kind: "broken" });
    this.destroy();
  };

  // an error is heard of a turn before the close behind it: by then the connection must not be given out again
  readonly #onBroken = (error?: NodeJS.ErrnoException): void => {
    const wasConnecting = this.#state === "connecting";
    this.#leave();
    const call = this.#call;
    this.#call = undefined;
    if (call === undefined || call.over) return;
    if (this.#reused && nothingWasWritten(error) && call.mayBeginAgain()) return this.#parts.onAgain(call);
    call.fail(connectionFailure(error, wasConnecting));
  };

  readonly #onDue = (nowMs: number): void => {
    if (this.#call === undefined) this.destroy();
    else this.#call.onDue(nowMs);
  };
}
