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
import type { Timers } from "./calls.ts";
import { achievement, FloodGuard } from "./flood-guard.ts";
import type { ConnectionEvents, ConnectionTerms, ReceiveWindows, StreamEvents, StreamRequest } from "./client-stream.ts";
import { FrameReader } from "./frame-reader.ts";
import { HeaderBlocks, unpadded, type HeaderBlock } from "./header-block.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { HpackEncoder } from "./hpack-encoder.ts";
import { hangUp } from "./hang-up.ts";
import { Keepalive, type KeepalivePace } from "./keepalive.ts";
import { Outbox } from "./outbox.ts";
import { DEFAULT_SETTINGS, withSettings, type PeerSettings } from "./peer-settings.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { SendQueue, type SendingStream } from "./send-queue.ts";
import { goneAtOnce, WaitingRequests } from "./waiting-requests.ts";

interface Stream extends SendingStream {
  readonly events: StreamEvents;
  /** Bytes that came and were not yet given back to the peer's window. */
  unacknowledged: number;
  /** It has a deadline: see `StreamRequest`. */
  readonly isAwaited: boolean;
}

/** Ids of streams are odd and grow; behind the last one a connection is used up. */
const LAST_STREAM_ID = 0x7fff_ffff;

/** Answers to a peer that sends and does not read; messages wait long before. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

/** Why a connection ended that the peer ended without a word. */
export const HUNG_UP = "the peer hung up";

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
  readonly #window: ReceiveWindow;
  readonly #reader = new FrameReader((head, payload) => this.#frame(head, payload));
  readonly #blocks = new HeaderBlocks();
  readonly #decoder = new HpackDecoder({ tableBytes: 0, maxListBytes: 16 * 1024 });
  readonly #encoder = new HpackEncoder();
  readonly #flood: FloodGuard;
  readonly #streams = new Map<number, Stream>();
  readonly #waiting = new WaitingRequests();
  readonly #timers: Timers;
  readonly #pace: KeepalivePace;
  readonly #keepalive: Keepalive;
  /** Calls that must end soon: on a stream for good nobody waits for an answer. */
  #awaited = 0;
  #finished = 0;
  #settings: PeerSettings = DEFAULT_SETTINGS;
  #nextId = 1;
  #isReady = false;
  #isDraining = false;
  #isClosed = false;

  constructor(socket: Socket, { windows, timers, pace }: ConnectionTerms, events: ConnectionEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#windows = windows;
    this.#timers = timers;
    this.#pace = pace;
    this.#keepalive = new Keepalive(timers, pace, {
      isBusy: () => this.#awaited > 0,
      ping: () => this.#outbox.append(smallFrame(FRAME.PING, 0, 0, Buffer.alloc(8))),
      onSilence: () => this.destroy("no sign of life"),
    });
    this.#flood = new FloodGuard(timers, () => achievement(this.#finished, this.#sender.framesSent));
    this.#outbox = new Outbox(socket);
    this.#sender = new SendQueue(this.#outbox);
    this.#window = new ReceiveWindow(this.#outbox, windows.connectionBytes);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("drain", () => this.#sender.resume());
    socket.once("close", () => this.#close(HUNG_UP));
    socket.once("end", () => this.#close(HUNG_UP));
    socket.on("error", (error) => this.#close(error.message, error));
    this.#greet();
  }

  /** Streams under way and waiting. */
  get streamCount(): number {
    return this.#streams.size + this.#waiting.count;
  }

  get isDraining(): boolean {
    return this.#isDraining || this.#isClosed;
  }

  /** Begins a request. Returns the function that gives it up: the peer is told, and no event comes any more. */
  open(request: StreamRequest, events: StreamEvents): () => void {
    if (this.isDraining) return goneAtOnce(events);
    if (!this.#hasRoom || this.#waiting.count > 0) return this.#waiting.add(request, events);
    return this.#begin(request, events);
  }

  /** No new streams; closes when those under way are done. */
  drain(): void {
    this.#isDraining = true;
    this.#waiting.drop();
    this.#closeIfDone();
  }

  /** Ends everything at once. */
  destroy(reason: string): void {
    // first: to a peer that is silent there are no last words
    this.#socket.destroy();
    this.#close(reason);
  }

  get #hasRoom(): boolean {
    return this.#isReady && this.#streams.size < this.#settings.maxConcurrentStreams;
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

  #begin({ fixed, changing, body, isAwaited }: StreamRequest, events: StreamEvents): () => void {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream: Stream = {
      id,
      events,
      sendWindow: this.#settings.initialWindowBytes,
      unsent: body,
      endsWithMessage: true,
      unacknowledged: 0,
      isAwaited,
    };
    if (stream.isAwaited && this.#awaited++ === 0) this.#keepalive.busy();
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
    if (!this.#remove(stream)) return;
    this.#admit();
    this.#closeIfDone();
  }

  #remove(stream: Stream): boolean {
    if (!this.#streams.delete(stream.id)) return false;
    if (stream.isAwaited) this.#awaited -= 1;
    this.#sender.forget(stream);
    return true;
  }

  /** Lets in who waits for a stream. */
  #admit(): void {
    if (this.#waiting.count === 0 || this.#isDraining) return;
    this.#waiting.admit(
      () => this.#hasRoom && !this.isDraining,
      (request, events) => this.#begin(request, events),
    );
  }

  #read(chunk: Buffer): void {
    if (this.#isClosed) return;
    this.#keepalive.heard();
    try {
      this.#reader.push(chunk);
      if (this.#socket.writableLength > MAX_UNREAD_BYTES)
        throw new Http2Violation(H2_ERROR.ENHANCE_YOUR_CALM, "answers that are not read");
    } catch (thrown) {
      const isViolation = thrown instanceof Http2Violation;
      this.#outbox.append(goawayFrame(0, isViolation ? thrown.code : H2_ERROR.INTERNAL_ERROR));
      // a bug of ours, met by what some peer sent, costs this connection and not the process
      const reason = thrown instanceof Error ? thrown.message : "unknown error";
      this.#close(isViolation ? `the peer broke HTTP/2: ${reason}` : `internal error: ${reason}`);
    }
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
    this.#window.received(payload.length);
    const endsStream = (head.flags & FLAG.END_STREAM) !== 0;
    if (bytes.length === 0 && !endsStream) this.#flood.nothing();
    if (stream === undefined) return;
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
    this.#finished += 1;
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
      this.#keepalive.start();
      this.#events.onReady();
    }
    this.#admit();
  }

  #pinged(head: FrameHead, payload: Buffer): void {
    // an answer to ours is a sign of life like everything else
    if (!isPong(head, payload)) this.#outbox.append(smallFrame(FRAME.PING, FLAG.ACK, 0, payload));
  }

  #goneAway(head: FrameHead, payload: Buffer): void {
    const last = lastStreamOf(head, payload);
    if (payload.readUInt32BE(4) === H2_ERROR.ENHANCE_YOUR_CALM) this.#pace.slowDown();
    // first: whoever is told that he was not seen may ask again at once, and not here
    this.#goAway();
    for (const stream of [...this.#streams.values()].filter(({ id }) => id > last)) {
      this.#remove(stream);
      stream.events.onGone(true);
    }
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
    this.#waiting.drop();
  }

  #closeIfDone(): void {
    if (!this.#isDraining || this.#isClosed || this.#streams.size > 0) return;
    this.#outbox.append(goawayFrame(0, H2_ERROR.NO_ERROR));
    this.#close("drained");
  }

  #close(reason: string, error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#keepalive.stop();
    this.#outbox.close();
    hangUp(this.#socket, this.#timers);
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    this.#events.onClosed(reason, error);
    this.#waiting.drop();
    for (const { events } of streams) events.onGone(false);
  }
}
