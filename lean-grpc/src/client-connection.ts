import type { Socket } from "node:net";
import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  goawayFrame,
  H2_ERROR,
  Http2Violation,
  numberFrame,
  PREFACE,
  SETTING,
  settingsFrame,
  smallFrame,
  writeFrameHead,
  type FrameHead,
} from "./frame.ts";
import { isPong, isSettingsAck, lastStreamOf, resetCode, windowIncrement } from "./control-frames.ts";
import { FloodGuard } from "./flood-guard.ts";
import type { ConnectionEvents, ConnectionTerms, ReceiveWindows, StreamEvents, StreamRequest } from "./client-stream.ts";
import { FrameReader } from "./frame-reader.ts";
import { HeaderBlocks, unpadded, type HeaderBlock } from "./header-block.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { HpackEncoder } from "./hpack-encoder.ts";
import { Outbox } from "./outbox.ts";
import { DEFAULT_SETTINGS, withSettings, type PeerSettings } from "./peer-settings.ts";
import { SendQueue, type SendingStream } from "./send-queue.ts";

interface Stream extends SendingStream {
  readonly events: StreamEvents;
  /** Bytes that came and were not yet given back to the peer's window. */
  unacknowledged: number;
}

/** Ids of streams are odd and grow; behind the last one a connection is used up. */
const LAST_STREAM_ID = 0x7fff_ffff;

/** Answers to a peer that sends and does not read. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

/**
 * The client's end of one HTTP/2 connection (RFC 9113), for short requests of one message each: no push, no priorities, a header table
 * of 0 bytes for what the peer sends. The socket is owned from here on. A peer that breaks the protocol loses the connection.
 */
export class ClientConnection {
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #windows: ReceiveWindows;
  readonly #outbox: Outbox;
  readonly #sender: SendQueue;
  readonly #reader = new FrameReader((head, payload) => this.#frame(head, payload));
  readonly #blocks = new HeaderBlocks();
  readonly #decoder = new HpackDecoder({ tableBytes: 0, maxListBytes: 16 * 1024 });
  readonly #encoder = new HpackEncoder();
  readonly #flood: FloodGuard;
  readonly #streams = new Map<number, Stream>();
  /** Requests that wait until the peer takes another stream; as many as callers ask at once. */
  readonly #waiting = new Set<Waiting>();
  #settings: PeerSettings = DEFAULT_SETTINGS;
  #nextId = 1;
  #unacknowledged = 0;
  #isReady = false;
  #isDraining = false;
  #isClosed = false;
  #onPong: (() => void) | undefined;

  constructor(socket: Socket, { windows, nowMs }: ConnectionTerms, events: ConnectionEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#windows = windows;
    this.#flood = new FloodGuard(nowMs);
    this.#outbox = new Outbox(socket);
    this.#sender = new SendQueue(this.#outbox);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.once("close", () => this.#close("the connection was closed"));
    socket.once("end", () => this.#close("the peer hung up"));
    socket.on("error", (error) => this.#close(error.message));
    this.#greet();
  }

  /** Streams under way and waiting. */
  get streamCount(): number {
    return this.#streams.size + this.#waiting.size;
  }

  get isDraining(): boolean {
    return this.#isDraining || this.#isClosed;
  }

  /** Begins a request. Returns the function that gives it up: the peer is told, and no event comes any more. */
  open(request: StreamRequest, events: StreamEvents): () => void {
    if (this.#streams.size >= this.#settings.maxConcurrentStreams || !this.#isReady) {
      const waiting: Waiting = { request, events, cancel: () => this.#waiting.delete(waiting) };
      this.#waiting.add(waiting);
      return () => waiting.cancel();
    }
    return this.#begin(request, events);
  }

  /** Asks for a sign of life; one at a time. */
  ping(onPong: () => void): void {
    this.#onPong = onPong;
    this.#outbox.append(smallFrame(FRAME.PING, 0, 0, Buffer.alloc(8)));
  }

  /** No new streams; closes when those under way are done. */
  drain(): void {
    this.#isDraining = true;
    this.#dropWaiting();
    this.#closeIfDone();
  }

  /** Ends everything at once. */
  destroy(reason: string): void {
    this.#close(reason);
  }

  #greet(): void {
    const { streamBytes, connectionBytes } = this.#windows;
    this.#outbox.append(PREFACE);
    this.#outbox.append(
      settingsFrame([
        [SETTING.HEADER_TABLE_SIZE, 0],
        [SETTING.ENABLE_PUSH, 0],
        [SETTING.INITIAL_WINDOW_SIZE, streamBytes],
        [SETTING.MAX_HEADER_LIST_SIZE, 16 * 1024],
      ]),
    );
    this.#outbox.append(numberFrame(FRAME.WINDOW_UPDATE, 0, connectionBytes - DEFAULT_WINDOW_BYTES));
  }

  #begin({ fixed, changing, body }: StreamRequest, events: StreamEvents): () => void {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream: Stream = {
      id,
      events,
      sendWindow: this.#settings.initialWindowBytes,
      unsent: body,
      endsWithMessage: true,
      unacknowledged: 0,
    };
    this.#streams.set(id, stream);
    this.#writeHeaders(id, this.#encoder.encode(fixed, changing));
    this.#sender.send(stream);
    if (this.#nextId > LAST_STREAM_ID) this.#goAway();
    return () => this.#cancel(stream);
  }

  #writeHeaders(streamId: number, block: Buffer): void {
    let rest = block;
    let type: number = FRAME.HEADERS;
    do {
      const part = rest.subarray(0, DEFAULT_MAX_FRAME_BYTES);
      rest = rest.subarray(part.length);
      const head = { type, flags: rest.length === 0 ? FLAG.END_HEADERS : 0, streamId, payloadBytes: part.length };
      writeFrameHead(this.#outbox.reserve(FRAME_HEADER_BYTES), 0, head);
      this.#outbox.append(part);
      type = FRAME.CONTINUATION;
    } while (rest.length > 0);
  }

  #cancel(stream: Stream): void {
    if (!this.#streams.has(stream.id)) return;
    this.#outbox.append(numberFrame(FRAME.RST_STREAM, stream.id, H2_ERROR.CANCEL));
    this.#forget(stream);
  }

  #forget(stream: Stream): void {
    if (!this.#streams.delete(stream.id)) return;
    this.#sender.forget(stream);
    this.#admit();
    this.#closeIfDone();
  }

  /** Lets in who waits for a stream. */
  #admit(): void {
    if (!this.#isReady || this.#isDraining) return;
    for (const waiting of this.#waiting) {
      if (this.#streams.size >= this.#settings.maxConcurrentStreams) return;
      this.#waiting.delete(waiting);
      waiting.cancel = this.#begin(waiting.request, waiting.events);
    }
  }

  #read(chunk: Buffer): void {
    if (this.#isClosed) return;
    try {
      this.#reader.push(chunk);
      if (this.#socket.writableLength > MAX_UNREAD_BYTES + this.#waitingBytes())
        throw new Http2Violation(H2_ERROR.ENHANCE_YOUR_CALM, "answers that are not read");
    } catch (thrown) {
      const isViolation = thrown instanceof Http2Violation;
      this.#outbox.append(goawayFrame(0, isViolation ? thrown.code : H2_ERROR.INTERNAL_ERROR));
      this.#outbox.flush();
      // a bug of ours, met by what some peer sent, costs this connection and not the process
      const reason = thrown instanceof Error ? thrown.message : "unknown error";
      this.#close(isViolation ? `the peer broke HTTP/2: ${reason}` : `internal error: ${reason}`);
    }
  }

  /** Requests of ours may fill the socket as well; what they may take is known. */
  #waitingBytes(): number {
    return this.#streams.size * DEFAULT_MAX_FRAME_BYTES * 64;
  }

  #frame(head: FrameHead, payload: Buffer): void {
    if (this.#isClosed) return;
    if (!this.#isReady && (head.type !== FRAME.SETTINGS || (head.flags & FLAG.ACK) !== 0))
      throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a first frame that is no SETTINGS");
    if (this.#blocks.isOpen && head.type !== FRAME.CONTINUATION)
      throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a frame inside a header block");
    this.#flood.count(head);
    switch (head.type) {
      case FRAME.DATA:
        return this.#data(head, payload);
      case FRAME.HEADERS:
        return this.#headers(this.#blocks.begin(this.#known(head), unpadded(head, payload)));
      case FRAME.CONTINUATION:
        return this.#headers(this.#blocks.go(head, payload));
      case FRAME.RST_STREAM:
        return this.#reset(this.#known(head), payload);
      case FRAME.SETTINGS:
        return this.#takeSettings(head, payload);
      case FRAME.PING:
        return this.#pinged(head, payload);
      case FRAME.GOAWAY:
        return this.#goneAway(head, payload);
      case FRAME.WINDOW_UPDATE:
        return this.#windowUpdate(head, payload);
      case FRAME.PUSH_PROMISE:
        throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a push");
      default:
    }
  }

  /** A head that names a stream we opened at some time. */
  #known(head: FrameHead): FrameHead {
    if (head.streamId === 0 || head.streamId % 2 === 0 || head.streamId >= this.#nextId)
      throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a frame of a stream that nobody opened");
    return head;
  }

  #data(head: FrameHead, payload: Buffer): void {
    const bytes = unpadded(head, payload);
    const stream = this.#streams.get(this.#known(head).streamId);
    this.#unacknowledged += payload.length;
    if (this.#unacknowledged > this.#windows.connectionBytes / 2) {
      this.#outbox.append(numberFrame(FRAME.WINDOW_UPDATE, 0, this.#unacknowledged));
      this.#unacknowledged = 0;
    }
    if (stream === undefined) return;
    const endsStream = (head.flags & FLAG.END_STREAM) !== 0;
    if (endsStream) this.#finish(stream);
    else this.#acknowledge(stream, payload.length);
    stream.events.onBytes(bytes, endsStream);
  }

  #acknowledge(stream: Stream, bytes: number): void {
    stream.unacknowledged += bytes;
    if (stream.unacknowledged <= this.#windows.streamBytes / 2) return;
    this.#outbox.append(numberFrame(FRAME.WINDOW_UPDATE, stream.id, stream.unacknowledged));
    stream.unacknowledged = 0;
  }

  #headers(block: HeaderBlock | undefined): void {
    if (block === undefined) return;
    const fields = this.#decoder.decode(block.bytes);
    const stream = this.#streams.get(block.streamId);
    if (stream === undefined) return;
    if (block.endsStream) this.#finish(stream);
    stream.events.onHeaders(fields, block.endsStream);
  }

  /** The peer said everything. What it did not wait to hear is not sent any more. */
  #finish(stream: Stream): void {
    if (stream.unsent.length > 0) this.#outbox.append(numberFrame(FRAME.RST_STREAM, stream.id, H2_ERROR.CANCEL));
    this.#forget(stream);
  }

  #reset({ streamId }: FrameHead, payload: Buffer): void {
    const code = resetCode(payload);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    this.#forget(stream);
    stream.events.onReset(code);
  }

  #takeSettings(head: FrameHead, payload: Buffer): void {
    if (isSettingsAck(head, payload)) return;
    const before = this.#settings;
    this.#settings = withSettings(before, payload);
    this.#encoder.resize(this.#settings.headerTableBytes);
    const growth = this.#settings.initialWindowBytes - before.initialWindowBytes;
    if (growth !== 0) for (const stream of this.#streams.values()) this.#sender.growStream(stream, growth);
    this.#outbox.append(smallFrame(FRAME.SETTINGS, FLAG.ACK, 0, Buffer.alloc(0)));
    if (!this.#isReady) {
      this.#isReady = true;
      this.#events.onReady();
    }
    this.#admit();
  }

  #pinged(head: FrameHead, payload: Buffer): void {
    if (!isPong(head, payload)) return this.#outbox.append(smallFrame(FRAME.PING, FLAG.ACK, 0, payload));
    const onPong = this.#onPong;
    this.#onPong = undefined;
    onPong?.();
  }

  #goneAway(head: FrameHead, payload: Buffer): void {
    const last = lastStreamOf(head, payload);
    for (const stream of [...this.#streams.values()].filter(({ id }) => id > last)) {
      this.#streams.delete(stream.id);
      this.#sender.forget(stream);
      stream.events.onGone(true);
    }
    this.#goAway();
    this.#closeIfDone();
  }

  #windowUpdate({ streamId }: FrameHead, payload: Buffer): void {
    const bytes = windowIncrement(payload);
    if (streamId === 0) return this.#sender.grow(bytes);
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) this.#sender.growStream(stream, bytes);
  }

  #goAway(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#events.onDraining();
    this.#dropWaiting();
  }

  #dropWaiting(): void {
    for (const { events } of this.#takeWaiting()) events.onGone(true);
  }

  #takeWaiting(): readonly Waiting[] {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    return waiting;
  }

  #closeIfDone(): void {
    if (!this.#isDraining || this.#isClosed || this.#streams.size > 0) return;
    this.#outbox.append(goawayFrame(0, H2_ERROR.NO_ERROR));
    this.#outbox.flush();
    this.#close("drained");
  }

  #close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // what was written leaves; who does not hang up in return is hung up on
    this.#socket.destroySoon();
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    this.#events.onClosed(reason);
    this.#dropWaiting();
    for (const { events } of streams) events.onGone(false);
  }
}

interface Waiting {
  readonly request: StreamRequest;
  readonly events: StreamEvents;
  /** Gives it up, wherever it has got to. */
  cancel: () => void;
}
