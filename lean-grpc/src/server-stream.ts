import type { Socket } from "node:net";
import type { CallStatus } from "./grpc-status.ts";
import type { Field } from "./hpack-table.ts";
import { framed, MessageReader } from "./message-reader.ts";
import type { RequestFault } from "./request-fault.ts";
import { RequestHold, type RequestRoom } from "./request-room.ts";

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
  /** Its caller is known: it may send more than a stranger. */
  welcome(stream: ServerStream): void;
}

/** One call as the server sees it, from its headers to its end. */
export class ServerStream {
  readonly id: number;
  readonly method: string;
  /** All fields of the request, pseudo-headers too, in order. */
  readonly fields: readonly Field[];
  /** Milliseconds the caller gives from the arrival on; undefined: for ever. */
  readonly timeMs: number | undefined;
  /** Until when that is, on the clock of the server's timers; Infinity: for ever. */
  readonly endsAtMs: number;
  readonly socket: Socket;
  /** See `SendingStream`. */
  sendWindow: number;
  unsent: Buffer = EMPTY;
  readonly endsWithMessage = false;
  /** See the client's. */
  unacknowledged = 0;
  readonly #writer: StreamWriter;
  readonly #reader: MessageReader;
  readonly #hold: RequestHold;
  readonly #onMessage: (stream: ServerStream, message: Buffer) => void;
  readonly #onFault: (thrown: unknown) => void;
  #message: Buffer | undefined;
  /** Of the message, what is counted as held. */
  #messageBytes = 0;
  #isEnding = false;
  #fault: RequestFault | undefined;
  #isWhole = false;
  #admitted: "no" | "stranger" | "known" = "no";
  #hasHead = false;
  #isEnded = false;
  #isCancelled = false;
  #onCancel = (): void => {};
  #onDrain = (): void => {};
  /** Messages behind the unsent one. They are joined once, when it is through: each time one came would be a copy of all of them. */
  #waiting: Buffer[] = [];
  /** Sent once everything before it is. */
  #due: CallStatus | undefined;
  #forgetArrival = NOTHING;

  constructor(opening: StreamOpening) {
    this.id = opening.id;
    this.method = opening.method;
    this.fields = opening.fields;
    this.timeMs = opening.timeMs;
    this.endsAtMs = opening.endsAtMs;
    this.socket = opening.socket;
    this.sendWindow = opening.sendWindow;
    this.#writer = opening.writer;
    this.#onMessage = opening.onMessage;
    this.#onFault = opening.onFault;
    this.#hold = new RequestHold(opening.room);
    this.#reader = new MessageReader({ maxBytes: opening.maxMessageBytes, held: this.#hold }, (message) => this.#take(message));
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

  /** Its caller is known, and may fill more than one window. */
  get isKnown(): boolean {
    return this.#admitted === "known";
  }

  /** The method may have it. Until then, and for good where a stranger is let in, it holds what strangers may. */
  admit(as: "stranger" | "known"): void {
    if (this.isOver) return;
    this.#admitted = as;
    if (as === "known") {
      this.#hold.known();
      this.#writer.welcome(this);
    }
    if (this.#isWhole) this.#deliver();
  }

  /** It came in part only. `forget` takes back what ends it if the rest does not come. */
  awaitRest(forget: () => void): void {
    this.#forgetArrival = forget;
  }

  /** It is not in its method's hands: it is not whole, or not admitted. */
  get isArriving(): boolean {
    return !this.isOver && (!this.#isWhole || this.#admitted === "no");
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

  /** Bytes of the caller's message, the last ones where `endsRequest`. Undefined, or what is wrong with them. */
  push(bytes: Buffer, endsRequest: boolean): RequestFault | undefined {
    this.#isEnding = endsRequest;
    return this.#reader.push(bytes) ?? this.#fault;
  }

  /** The caller has said everything. */
  complete(): void {
    this.#isWhole = true;
    if (this.isOver) return;
    if (this.#message === undefined || this.#reader.finish() !== undefined) return this.end(NO_MESSAGE);
    if (this.#admitted !== "no") this.#deliver();
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
    this.discard();
    try {
      this.#onCancel();
    } catch (thrown) {
      this.#onFault(thrown);
    }
  }

  /** Nothing that still comes or waits is wanted. */
  discard(): void {
    this.#forgetArrival();
    this.#forgetArrival = NOTHING;
    this.#reader.discard();
    if (this.#messageBytes > 0) this.#hold.give(this.#messageBytes);
    this.#messageBytes = 0;
    this.#message = undefined;
    this.unsent = EMPTY;
    this.#waiting = [];
  }

  /** It counts until the method has it: a caller that does not end its request must not hold it for nothing. */
  #take(message: Buffer): void {
    if (this.#message !== undefined) {
      this.#fault = SEVERAL;
      return;
    }
    // goes on to its method at once, however full the room is
    if (!this.#isEnding || this.#admitted === "no") {
      if (!this.#hold.take(message.length)) {
        this.#fault = NO_ROOM;
        return;
      }
      this.#messageBytes = message.length;
    }
    this.#message = Buffer.from(message);
  }

  #deliver(): void {
    const message = this.#message;
    if (message === undefined) return;
    this.discard();
    this.#onMessage(this, message);
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
  readonly endsAtMs: number;
  readonly socket: Socket;
  readonly sendWindow: number;
  readonly maxMessageBytes: number;
  readonly writer: StreamWriter;
  /** Shared by the streams of a server. */
  readonly room: RequestRoom;
  readonly onMessage: (stream: ServerStream, message: Buffer) => void;
  /** What a listener of the stream threw. */
  readonly onFault: (thrown: unknown) => void;
}

const EMPTY = Buffer.alloc(0);

const NOTHING = (): void => {};

const SEVERAL: RequestFault = { kind: "several" };

const NO_ROOM: RequestFault = { kind: "no-room" };

const OK: CallStatus = { code: 0, details: "" };

const NO_MESSAGE: CallStatus = { code: 13, details: "a call of one message came without one, or with half of one" };
