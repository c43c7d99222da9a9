import type { Socket } from "node:net";
import { fromClient, isPong, isSettingsAck, lastStreamOf, resetCode, windowIncrement } from "./control-frames.ts";
import { ARRIVAL_MS, Arrivals } from "./arrivals.ts";
import type { Timers } from "./calls.ts";
import { achievement, FloodGuard } from "./flood-guard.ts";
import {
  DEFAULT_WINDOW_BYTES,
  FLAG,
  FRAME,
  goawayFrame,
  H2_ERROR,
  Http2Violation,
  numberFrame,
  SETTING,
  settingsFrame,
  smallFrame,
  type FrameHead,
} from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import { STATUS, type CallStatus } from "./grpc-status.ts";
import { hangUp } from "./hang-up.ts";
import { HeaderBlocks, unpadded, type HeaderBlock } from "./header-block.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import type { Field } from "./hpack-table.ts";
import { LateBytes } from "./late-bytes.ts";
import { Outbox } from "./outbox.ts";
import { PrefaceReader } from "./preface-reader.ts";
import { DEFAULT_SETTINGS, withSettings, type PeerSettings } from "./peer-settings.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { faultStatus } from "./request-fault.ts";
import { requestHead } from "./request-head.ts";
import type { RequestRoom } from "./request-room.ts";
import { plainStatus, responseEnd, responseHead, trailersOnly, wholeAnswerBytes, writeWholeAnswer } from "./response-frames.ts";
import { SendQueue } from "./send-queue.ts";
import type { ConnectionTerms, ServerEvents, ServerLimits } from "./server-connection-terms.ts";
import { ServerStream, type StreamWriter } from "./server-stream.ts";

/** What a client may have sent of messages that are not whole yet, on one stream and on all. */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;

/** Largest request head or trailers, bytes: names, values, and 32 for each. */
const MAX_FIELDS_BYTES = 16 * 1024;

/** Answers to a client that sends and does not read. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

/** How long a client that is told to leave may take to say that it heard, milliseconds. */
const FAREWELL_MS = 5_000;

/** Small answers are written head, message and end at once. */
const WHOLE_ANSWER_BYTES = 4 * 1024;

/**
 * The server's end of one HTTP/2 connection (RFC 9113), for calls with one message from the client. The socket is owned from here on. A
 * client that breaks the protocol loses the connection; one that asks for too much is refused.
 */
export class ServerConnection implements StreamWriter {
  readonly #socket: Socket;
  readonly #limits: ServerLimits;
  readonly #events: ServerEvents;
  readonly #outbox: Outbox;
  readonly #sender: SendQueue;
  readonly #window: ReceiveWindow;
  readonly #reader = new FrameReader((head, payload) => this.#frame(head, payload));
  readonly #blocks = new HeaderBlocks(MAX_FIELDS_BYTES);
  readonly #decoder = new HpackDecoder({ tableBytes: 4096, maxListBytes: MAX_FIELDS_BYTES });
  readonly #flood: FloodGuard;
  readonly #streams = new Map<number, ServerStream>();
  readonly #onMessage = (call: ServerStream, message: Buffer): void => this.#events.onCall(call, message);
  readonly #onFault = (thrown: unknown): void => this.#events.onFault(thrown);
  #settings: PeerSettings = DEFAULT_SETTINGS;
  readonly #preface = new PrefaceReader();
  #lastId = 0;
  #hasSettings = false;
  #answered = 0;
  readonly #room: RequestRoom;
  readonly #arrivals: Arrivals;
  readonly #late = new LateBytes({ connectionBytes: CONNECTION_WINDOW_BYTES, streamBytes: STREAM_WINDOW_BYTES });
  readonly #timers: Timers;
  /** `warned`: calls on their way still count; `said`: the client knows which were the last. */
  #farewell: "none" | "warned" | "said" = "none";
  #forgetFarewell = (): void => {};
  #isLeft = false;
  #isClosed = false;
  /** Who asked for signs of life, in order: a keepalive, a drain. */
  readonly #pongs: (() => void)[] = [];

  constructor(socket: Socket, terms: ConnectionTerms, events: ServerEvents) {
    this.#socket = socket;
    this.#limits = terms.limits;
    this.#room = terms.room;
    this.#arrivals = new Arrivals(terms.timers, terms.limits.arrivalMs ?? ARRIVAL_MS);
    this.#events = events;
    this.#outbox = new Outbox(socket);
    this.#sender = new SendQueue(this.#outbox);
    this.#window = new ReceiveWindow(this.#outbox, CONNECTION_WINDOW_BYTES);
    this.#timers = terms.timers;
    this.#flood = new FloodGuard(terms.timers, () => achievement(this.#answered, this.#sender.framesSent));
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("drain", () => this.#sender.resume());
    socket.on("error", () => this.#close());
    socket.once("end", () => this.#close());
    socket.once("close", () => this.#close());
    this.#greet();
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** Whether the client has said what an HTTP/2 client says first. */
  get isGreeted(): boolean {
    return this.#hasSettings;
  }

  /** No new calls; the connection ends when those under way are answered. */
  drain(): void {
    if (this.#farewell !== "none" || this.#isClosed) return;
    this.#farewell = "warned";
    // first a warning, so that calls on their way still arrive (RFC 9113 section 6.8); what comes behind the answer to a ping comes too late
    this.#outbox.append(goawayFrame(0x7fff_ffff, H2_ERROR.NO_ERROR));
    this.#forgetFarewell = this.#timers.after(FAREWELL_MS, () => this.#sayFarewell());
    this.ping(() => this.#sayFarewell());
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#socket.destroy();
    this.#close();
  }

  /** Asks for a sign of life. */
  ping(onPong: () => void): void {
    this.#pongs.push(onPong);
    this.#outbox.append(smallFrame(FRAME.PING, 0, 0, Buffer.alloc(8)));
  }

  head(stream: ServerStream): void {
    this.#outbox.append(responseHead(stream.id));
  }

  message(stream: ServerStream, bytes: Buffer): void {
    stream.unsent = bytes;
    this.#sender.send(stream);
  }

  answer(stream: ServerStream, bytes: Buffer): void {
    const wholeBytes = wholeAnswerBytes(bytes.length);
    if (wholeBytes > WHOLE_ANSWER_BYTES || !this.#sender.takeWindow(stream, bytes.length)) {
      stream.begin();
      this.message(stream, bytes);
      return stream.end({ code: STATUS.OK, details: "" });
    }
    stream.answered();
    writeWholeAnswer(this.#outbox.reserve(wholeBytes), stream.id, bytes);
    this.#ended(stream);
  }

  welcome(stream: ServerStream): void {
    if (!stream.isWhole) this.#acknowledge(stream, 0);
  }

  reset(stream: ServerStream): void {
    this.#breakOff(stream, H2_ERROR.CANCEL);
  }

  end(stream: ServerStream, status: CallStatus, isFirst: boolean): void {
    this.#outbox.append(isFirst ? trailersOnly(stream.id, status) : responseEnd(stream.id, status));
    this.#ended(stream);
  }

  #ended(stream: ServerStream): void {
    this.#answered += 1;
    // the rest of a request that is answered already is not wanted (RFC 9113 section 8.1)
    if (!stream.isWhole) this.#reset(stream.id, H2_ERROR.NO_ERROR);
    this.#forget(stream);
  }

  #sayFarewell(): void {
    if (this.#farewell !== "warned" || this.#isClosed) return;
    this.#forgetFarewell();
    this.#farewell = "said";
    this.#outbox.append(goawayFrame(this.#lastId, H2_ERROR.NO_ERROR));
    this.#closeIfDone();
  }

  #greet(): void {
    this.#outbox.append(
      settingsFrame([
        [SETTING.MAX_CONCURRENT_STREAMS, this.#limits.maxStreams],
        [SETTING.INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES],
        [SETTING.MAX_HEADER_LIST_SIZE, MAX_FIELDS_BYTES],
      ]),
    );
    this.#outbox.append(numberFrame(FRAME.WINDOW_UPDATE, 0, CONNECTION_WINDOW_BYTES - DEFAULT_WINDOW_BYTES));
  }

  #read(chunk: Buffer): void {
    if (this.#isClosed) return;
    try {
      this.#reader.push(this.#preface.behind(chunk));
      this.#arrivals.settled();
      if (this.#socket.writableLength > MAX_UNREAD_BYTES)
        throw new Http2Violation(H2_ERROR.ENHANCE_YOUR_CALM, "answers that are not read");
    } catch (thrown) {
      // a bug of ours, met by what some client sent, costs this connection and not the process
      this.#outbox.append(goawayFrame(this.#lastId, thrown instanceof Http2Violation ? thrown.code : H2_ERROR.INTERNAL_ERROR));
      this.#close();
    }
  }

  #frame(head: FrameHead, payload: Buffer): void {
    if (this.#isClosed) return;
    if (!this.#hasSettings && head.type !== FRAME.SETTINGS)
      throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a first frame that is no SETTINGS");
    if (this.#blocks.isOpen && head.type !== FRAME.CONTINUATION)
      throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a frame inside a header block");
    this.#flood.count(head);
    switch (head.type) {
      case FRAME.DATA:
        return this.#data(head, payload);
      case FRAME.HEADERS:
        return this.#headers(this.#blocks.begin(fromClient(head), unpadded(head, payload)));
      case FRAME.CONTINUATION:
        return this.#headers(this.#blocks.go(head, payload));
      case FRAME.RST_STREAM:
        resetCode(payload);
        return this.#cancel(this.#known(head));
      case FRAME.SETTINGS:
        return this.#takeSettings(head, payload);
      case FRAME.PING:
        return this.#pinged(head, payload);
      case FRAME.GOAWAY:
        lastStreamOf(head, payload);
        this.#isLeft = true;
        return this.#closeIfDone();
      case FRAME.WINDOW_UPDATE:
        return this.#windowUpdate(head, payload);
      case FRAME.PUSH_PROMISE:
        throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a push");
      default:
    }
  }

  #known(head: FrameHead): ServerStream | undefined {
    if (fromClient(head).streamId > this.#lastId)
      throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a frame of a stream that nobody opened");
    return this.#streams.get(head.streamId);
  }

  #headers(block: HeaderBlock | undefined): void {
    if (block === undefined) return;
    const fields = this.#decoder.decode(block.bytes);
    const { streamId: id } = block;
    if (id <= this.#lastId) return this.#trailers(block, fields);
    // the client was told that these are not seen, and may have them done elsewhere
    const isTooLate = this.#farewell === "said";
    if (!isTooLate) this.#lastId = id;
    if (isTooLate || this.#streams.size >= this.#limits.maxStreams) return this.#refuse(id, H2_ERROR.REFUSED_STREAM);
    const head = requestHead(fields);
    if (head.kind === "malformed") return this.#refuse(id, H2_ERROR.PROTOCOL_ERROR);
    if (head.kind === "not-grpc") {
      this.#outbox.append(plainStatus(id, head.status));
      return block.endsStream ? this.#flood.nothing() : this.#refuse(id, H2_ERROR.NO_ERROR);
    }
    const stream = new ServerStream({
      id,
      method: head.method,
      fields,
      timeMs: head.timeMs,
      endsAtMs: head.timeMs === undefined ? Number.POSITIVE_INFINITY : this.#timers.nowMs() + head.timeMs,
      socket: this.#socket,
      sendWindow: this.#settings.initialWindowBytes,
      maxMessageBytes: this.#limits.maxMessageBytes,
      room: this.#room,
      writer: this,
      onMessage: this.#onMessage,
      onFault: this.#onFault,
    });
    this.#streams.set(id, stream);
    if (block.endsStream) return stream.complete();
    this.#events.onOpened(stream);
    if (!stream.isOver) this.#arrivals.opened(stream);
  }

  /** Trailers of a request say nothing to gRPC, but that it is whole. */
  #trailers({ streamId, endsStream }: HeaderBlock, fields: readonly Field[]): void {
    if (!endsStream || fields.some(([name]) => name.startsWith(":")))
      throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "headers inside a request, or a stream that was used before");
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return this.#flood.nothing();
    if (stream.isWhole) return this.#breakOff(stream, H2_ERROR.STREAM_CLOSED);
    stream.complete();
  }

  #data(head: FrameHead, payload: Buffer): void {
    const bytes = unpadded(head, payload);
    const stream = this.#known(head);
    const endsStream = (head.flags & FLAG.END_STREAM) !== 0;
    this.#window.received(payload.length);
    if (bytes.length === 0 && (!endsStream || stream === undefined)) this.#flood.nothing();
    if (stream === undefined) return this.#late.received(payload.length);
    if (stream.isWhole) return this.#breakOff(stream, H2_ERROR.STREAM_CLOSED);
    const fault = stream.push(bytes, endsStream);
    if (fault !== undefined) return stream.end(faultStatus(fault));
    if (endsStream) return stream.complete();
    this.#acknowledge(stream, payload.length);
  }

  #acknowledge(stream: ServerStream, bytes: number): void {
    stream.unacknowledged += bytes;
    // a stranger gets no second window
    if (!stream.isKnown || stream.unacknowledged <= STREAM_WINDOW_BYTES / 2) return;
    this.#outbox.append(numberFrame(FRAME.WINDOW_UPDATE, stream.id, stream.unacknowledged));
    stream.unacknowledged = 0;
  }

  #takeSettings(head: FrameHead, payload: Buffer): void {
    if (isSettingsAck(head, payload)) {
      if (!this.#hasSettings) throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "an acknowledgement before the settings");
      return;
    }
    const before = this.#settings.initialWindowBytes;
    // a client may say that it takes no push, or that it does; it gets none
    this.#settings = withSettings(this.#settings, payload, { mayEnablePush: true });
    this.#hasSettings = true;
    const growth = this.#settings.initialWindowBytes - before;
    if (growth !== 0) for (const stream of this.#streams.values()) this.#sender.growStream(stream, growth);
    this.#outbox.append(smallFrame(FRAME.SETTINGS, FLAG.ACK, 0, Buffer.alloc(0)));
  }

  #pinged(head: FrameHead, payload: Buffer): void {
    if (!isPong(head, payload)) return this.#outbox.append(smallFrame(FRAME.PING, FLAG.ACK, 0, payload));
    this.#pongs.shift()?.();
  }

  #windowUpdate(head: FrameHead, payload: Buffer): void {
    const bytes = windowIncrement(payload);
    if (head.streamId === 0) return this.#sender.grow(bytes);
    const stream = this.#known(head);
    if (stream !== undefined) this.#sender.growStream(stream, bytes);
  }

  /** A stream that is not begun. */
  #refuse(streamId: number, code: number): void {
    this.#flood.nothing();
    this.#late.streamOver();
    this.#reset(streamId, code);
  }

  #breakOff(stream: ServerStream, code: number): void {
    this.#reset(stream.id, code);
    this.#cancel(stream);
  }

  #reset(streamId: number, code: number): void {
    this.#outbox.append(numberFrame(FRAME.RST_STREAM, streamId, code));
  }

  #cancel(stream: ServerStream | undefined): void {
    if (stream === undefined) return;
    this.#forget(stream);
    stream.cancel();
  }

  #forget(stream: ServerStream): void {
    this.#streams.delete(stream.id);
    this.#late.streamOver();
    this.#sender.forget(stream);
    stream.discard();
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if ((this.#farewell === "said" || this.#isLeft) && this.#streams.size === 0) this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#forgetFarewell();
    this.#outbox.close();
    hangUp(this.#socket, this.#timers);
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.cancel();
    this.#events.onClosed();
  }
}
