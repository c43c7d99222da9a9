import type { Socket } from "node:net";
import type { CallStatus } from "./grpc-status.ts";
import type { Field } from "./hpack-table.ts";
import type { HeldBytes } from "./held-bytes.ts";
import { framed, MessageReader } from "./message-reader.ts";
import type { RequestFault } from "./request-fault.ts";

/** What a connection lends its streams. */
export interface StreamWriter {
  head(stream: ServerStream): void;
  /** Length-prefixed; sent as flow control allows. Nothing else of the stream waits. */
  message(stream: ServerStream, bytes: Buffer): void;
  /** The last word; `isFirst`: nothing was sent before it. */
  end(stream: ServerStream, status: CallStatus, isFirst: boolean): void;
  /** A successful answer whole. */
  answer(stream: ServerStream, bytes: Buffer): void;
  /** Gives the stream up. */
  reset(stream: ServerStream): void;
}

/** One call as the server sees it, from its headers to its end. */
export class ServerStream {
  readonly id: number;
  readonly method: string;
  /** All fields of the request, pseudo-headers too, in order. */
  readonly fields: readonly Field[];
  /** Milliseconds the caller gives from the arrival on; undefined: for ever. */
  readonly timeMs: number | undefined;
  readonly socket: Socket;
  /** See `SendingStream`. */
  sendWindow: number;
  unsent: Buffer = EMPTY;
  readonly endsWithMessage = false;
  /** See the client's. */
  unacknowledged = 0;
  readonly #writer: StreamWriter;
  readonly #reader: MessageReader;
  readonly #onMessage: (stream: ServerStream, message: Buffer) => void;
  readonly #onFault: (thrown: unknown) => void;
  #message: Buffer | undefined;
  #hasSeveral = false;
  #isWhole = false;
  #hasHead = false;
  #isEnded = false;
  #isCancelled = false;
  #onCancel = (): void => {};
  #onDrain = (): void => {};
  /** Messages behind the unsent one. They are joined once, when it is through: each time one came would be a copy of all of them. */
  #waiting: Buffer[] = [];
  /** Sent once everything before it is. */
  #due: CallStatus | undefined;

  constructor(opening: StreamOpening) {
    this.id = opening.id;
    this.method = opening.method;
    this.fields = opening.fields;
    this.timeMs = opening.timeMs;
    this.socket = opening.socket;
    this.sendWindow = opening.sendWindow;
    this.#writer = opening.writer;
    this.#onMessage = opening.onMessage;
    this.#onFault = opening.onFault;
    this.#reader = new MessageReader({ maxBytes: opening.maxMessageBytes, held: opening.held }, (message) => this.#take(message));
  }

  /** The caller gave up, its connection is gone, or it is answered. */
  get isOver(): boolean {
    return this.#isCancelled || this.#isEnded;
  }

  /** The caller said everything it had to say. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** Told once where the caller gives up before it is answered; at once where it already did. */
  onCancel(listener: () => void): void {
    this.#onCancel = listener;
    if (this.#isCancelled) listener();
  }

  /** Told when everything written so far has been sent, after some of it had to wait. */
  onDrain(listener: () => void): void {
    this.#onDrain = listener;
  }

  /** The value of a request field; the first where there are several. */
  field(name: string): string | undefined {
    return this.fields.find((field) => field[0] === name)?.[1];
  }

  /** Answers with one message. */
  answer(message: Uint8Array): void {
    if (this.isOver) return;
    if (this.#hasHead || this.#due !== undefined) {
      this.send(message);
      return this.end(OK);
    }
    this.#writer.answer(this, framed(message));
  }

  /** The connection wrote a whole answer: nothing follows. */
  answered(): void {
    this.#isEnded = true;
  }

  /** Says that the call was taken, before there is a message. */
  begin(): void {
    if (this.isOver || this.#hasHead) return;
    this.#hasHead = true;
    this.#writer.head(this);
  }

  /** Sends one message of several. `false`: it waits for the caller to read; `onDrain` tells when it is through. */
  send(message: Uint8Array): boolean {
    if (this.isOver || this.#due !== undefined) return true;
    this.begin();
    if (this.unsent.length > 0) this.#waiting.push(framed(message));
    else this.#writer.message(this, framed(message));
    return this.unsent.length === 0;
  }

  /** Ends the call with a status, behind everything that was sent. */
  end(status: CallStatus): void {
    if (this.isOver || this.#due !== undefined) return;
    if (this.unsent.length > 0) this.#due = status;
    else this.#finish(status);
  }

  /** Ends the call at once, without a status; what waits for the caller to read is dropped. */
  reset(): void {
    if (!this.isOver) this.#writer.reset(this);
  }

  /** Bytes of the caller's message. Undefined, or what is wrong with them. */
  push(bytes: Buffer): RequestFault | undefined {
    return this.#reader.push(bytes) ?? (this.#hasSeveral ? { kind: "several" } : undefined);
  }

  /** The caller has said everything. */
  complete(): void {
    this.#isWhole = true;
    const message = this.#message;
    this.#message = undefined;
    if (this.isOver) return;
    if (message === undefined || this.#reader.finish() !== undefined) return this.end(NO_MESSAGE);
    this.#onMessage(this, message);
  }

  /** Everything that waited is sent. */
  onSent(): void {
    if (this.#waiting.length > 0) {
      const joined = Buffer.concat(this.#waiting);
      this.#waiting = [];
      this.#writer.message(this, joined);
      if (this.unsent.length > 0) return;
    }
    const due = this.#due;
    this.#due = undefined;
    if (due !== undefined) return this.#finish(due);
    try {
      this.#onDrain();
    } catch (thrown) {
      this.#onFault(thrown);
    }
  }

  /** The caller is gone. */
  cancel(): void {
    if (this.isOver) return;
    this.#isCancelled = true;
    this.#message = undefined;
    this.discard();
    try {
      this.#onCancel();
    } catch (thrown) {
      this.#onFault(thrown);
    }
  }

  /** Nothing that still comes or waits is wanted. */
  discard(): void {
    this.#reader.discard();
    this.unsent = EMPTY;
    this.#waiting = [];
  }

  #take(message: Buffer): void {
    if (this.#message === undefined) this.#message = Buffer.from(message);
    else this.#hasSeveral = true;
  }

  #finish(status: CallStatus): void {
    this.#isEnded = true;
    this.#writer.end(this, status, !this.#hasHead);
  }
}

/** What a stream begins with. */
export interface StreamOpening {
  readonly id: number;
  readonly method: string;
  readonly fields: readonly Field[];
  readonly timeMs: number | undefined;
  readonly socket: Socket;
  readonly sendWindow: number;
  readonly maxMessageBytes: number;
  readonly writer: StreamWriter;
  /** Shared by the streams of a connection. */
  readonly held: HeldBytes;
  readonly onMessage: (stream: ServerStream, message: Buffer) => void;
  /** What a listener of the stream threw. */
  readonly onFault: (thrown: unknown) => void;
}

const EMPTY = Buffer.alloc(0);

const OK: CallStatus = { code: 0, details: "" };

const NO_MESSAGE: CallStatus = { code: 13, details: "a call of one message came without one, or with half of one" };
