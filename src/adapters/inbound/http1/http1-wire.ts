import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { HeadCheck, RequestFraming } from "../check-head.ts";
import type { ExchangeWire, WireWatcher } from "../exchange-wire.ts";
import type { FramedResponse } from "../response-framing.ts";
import { RequestBytes, type BytesHolder } from "./request-bytes.ts";
import type { RequestHead } from "./request-head.ts";
import { responseLines } from "./response-lines.ts";

/** A piece up to this size leaves with the head, or with the lines around it, as one. */
const JOINED_BYTES = 16 * 1024;

/** The connection a request came on. */
export interface WireHolder extends BytesHolder {
  readonly socket: Socket;
  readonly keptSeconds: number;
  readonly date: string;
  /** This request's turn: what happens to the connection is now its own. */
  turnOf(wire: Http1Wire): void;
  /** Nothing more of its response will be written. `closes`: nor of any other. */
  answered(closes: boolean): void;
}

/** A request and its response on a connection of our own codec. */
export class Http1Wire implements ExchangeWire {
  readonly body: RequestBytes;
  readonly #holder: WireHolder;
  readonly #head: RequestHead;
  readonly #checked: HeadCheck;
  #watcher: WireWatcher | undefined;
  /** The response's head, until it leaves. */
  #pending = "";
  #state: "unanswered" | "answering" | "ended" = "unanswered";
  #chunked = false;
  #closes = false;

  constructor(holder: WireHolder, head: RequestHead, checked: HeadCheck) {
    this.#holder = holder;
    this.#head = head;
    this.#checked = checked;
    this.body = new RequestBytes(holder, checked.kind === "refused" ? NO_BODY : checked.framing);
  }

  get method(): string {
    return this.#head.method;
  }

  get requestTarget(): string {
    return this.#head.requestTarget;
  }

  get raw(): readonly string[] {
    return this.#head.raw;
  }

  get expects(): boolean {
    return this.#head.expects;
  }

  get gone(): boolean {
    return !this.#holder.socket.writable;
  }

  get headWritten(): boolean {
    return this.#state !== "unanswered" && this.#pending === "";
  }

  get endsConnection(): boolean {
    return this.#closes || !this.#head.persistent;
  }

  check(): HeadCheck {
    return this.#checked;
  }

  watch(watcher: WireWatcher): void {
    this.#watcher = watcher;
    this.#holder.turnOf(this);
  }

  writeContinue(): void {
    this.#holder.socket.write("HTTP/1.1 100 Continue\r\n\r\n", "latin1");
  }

  writeHead(framed: FramedResponse): void {
    const { minor, persistent } = this.#head;
    const { keptSeconds, date } = this.#holder;
    const lines = responseLines(framed, { minor, persistent, keptSeconds, date });
    this.#pending = lines.text;
    this.#chunked = lines.chunked;
    this.#closes = lines.closes;
    this.#state = "answering";
  }

  flushHead(): void {
    if (this.#state !== "answering" || this.#pending === "") return;
    this.#holder.socket.write(this.#takeHead(), "latin1");
  }

  write(chunk: Uint8Array): boolean {
    const { socket } = this.#holder;
    // an empty chunk would end the body
    if (chunk.byteLength === 0) return !socket.writableNeedDrain;
    const before = this.#takeHead() + (this.#chunked ? `${chunk.byteLength.toString(16)}\r\n` : "");
    if (before === "") return socket.write(chunk);
    const behind = this.#chunked ? "\r\n" : "";
    // one piece is one write of the kernel's, and text costs less than a buffer of its own: each byte is one character of latin1 and back
    if (chunk.byteLength <= JOINED_BYTES) return socket.write(before + latin1(chunk) + behind, "latin1");
    socket.cork();
    socket.write(before, "latin1");
    const wantsMore = socket.write(chunk);
    const all = behind === "" ? wantsMore : socket.write(behind, "latin1");
    socket.uncork();
    return all;
  }

  end(): boolean {
    const { socket } = this.#holder;
    const last = this.#takeHead() + (this.#chunked ? "0\r\n\r\n" : "");
    if (last !== "") socket.write(last, "latin1");
    this.#state = "ended";
    // refused by the kernel: that it is gone is said soon
    if (socket.destroyed || socket.errored !== null) return false;
    if (socket.writableLength === 0) {
      this.#out();
      return true;
    }
    // told when all before it was taken
    socket.write("", "latin1", (error) => {
      if (error === null || error === undefined) this.#out();
    });
    return false;
  }

  cut(): void {
    const { socket } = this.#holder;
    // HTTP/1.0 ends a body by closing: only a reset tells that it is not whole. Over TLS the missing close_notify does
    if (this.#head.minor === 0 && !(socket instanceof TLSSocket)) socket.resetAndDestroy();
    else socket.destroy();
  }

  /** From the connection, on this request's turn. */
  room(): void {
    this.#watcher?.onRoom();
  }

  /** Why the connection is about to be gone. */
  troubled(error: unknown): void {
    this.#watcher?.onError(error);
  }

  /** The connection is gone. */
  lost(): void {
    this.#watcher?.onGone();
    this.body.lose();
  }

  #out(): void {
    this.#holder.answered(this.endsConnection);
    this.#watcher?.onOut();
  }

  #takeHead(): string {
    const head = this.#pending;
    this.#pending = "";
    return head;
  }
}

const NO_BODY: RequestFraming = { kind: "none" };

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
