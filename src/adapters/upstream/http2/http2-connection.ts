import type { Socket } from "node:net";
import { isPong, isSettingsAck, lastStreamOf, resetCode, windowIncrement } from "@sallyport/lean-grpc/control-frames.ts";
import { achievement, FloodGuard } from "@sallyport/lean-grpc/flood-guard.ts";
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
} from "@sallyport/lean-grpc/frame.ts";
import { FrameReader } from "@sallyport/lean-grpc/frame-reader.ts";
import { hangUp } from "@sallyport/lean-grpc/hang-up.ts";
import { HeaderBlocks, unpadded, type HeaderBlock } from "@sallyport/lean-grpc/header-block.ts";
import { HpackDecoder } from "@sallyport/lean-grpc/hpack-decoder.ts";
import { HpackEncoder } from "@sallyport/lean-grpc/hpack-encoder.ts";
import type { Field } from "@sallyport/lean-grpc/hpack-table.ts";
import { Keepalive, type KeepalivePace } from "@sallyport/lean-grpc/keepalive.ts";
import { Outbox } from "@sallyport/lean-grpc/outbox.ts";
import { DEFAULT_SETTINGS, withSettings, type PeerSettings } from "@sallyport/lean-grpc/peer-settings.ts";
import { ReceiveWindow } from "@sallyport/lean-grpc/receive-window.ts";
import { SendQueue } from "@sallyport/lean-grpc/send-queue.ts";
import type { Clock } from "../../../ports/clock.ts";
import { Http2Stream, type StreamEvents } from "./http2-stream.ts";

/** What happens to a connection, as its pool sees it. */
export interface ConnectionEvents {
  /** The upstream's settings are here: it speaks HTTP/2. */
  onReady(): void;
  /** There may be room for a stream where there was none. */
  onRoom(): void;
  /** It takes no new streams; those under way go on. */
  onDraining(): void;
  /** It is over, once; every stream is told behind this. `reason` is a fragment for the log. */
  onClosed(reason: string, error?: NodeJS.ErrnoException): void;
}

/** What a connection is made of besides its socket. */
export interface ConnectionParts {
  readonly clock: Clock;
  readonly pace: KeepalivePace;
  readonly events: ConnectionEvents;
}

/** Streams at once on one connection, however many the upstream takes. */
const MAX_STREAMS = 100;

/** What the upstream may send on all streams of a connection before we take it, bytes. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

/** Largest response head or trailers, bytes: names, values, and 32 for each. */
const MAX_FIELDS_BYTES = 64 * 1024;

/** Answers to an upstream that sends and does not read; bodies wait long before. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

/** How long an upstream that let a call run out of time may leave a ping unanswered, milliseconds. */
const PROBE_MS = 5_000;

/** Ids of streams are odd and grow; behind the last one a connection is used up. */
const LAST_STREAM_ID = 0x7fff_ffff;

/** Smaller pieces of a read are copied, so that they do not hold all of it. */
const LARGE_BYTES = 8 * 1024;

const NO_FIELDS: readonly Field[] = [];

/**
 * Our end of one HTTP/2 connection to an upstream (RFC 9113): bodies and trailers flow both ways, each stream with its own backpressure. No
 * push, no priorities, a header table of 0 bytes for what the upstream sends. An upstream that breaks the protocol loses the connection.
 * The socket is owned from here on.
 */
export class Http2Connection {
  readonly #socket: Socket;
  readonly #parts: ConnectionParts;
  readonly #outbox: Outbox;
  readonly #sender: SendQueue;
  readonly #window: ReceiveWindow;
  readonly #reader = new FrameReader((head, payload) => this.#frame(head, payload));
  readonly #blocks = new HeaderBlocks();
  readonly #decoder = new HpackDecoder({ tableBytes: 0, maxListBytes: MAX_FIELDS_BYTES });
  readonly #encoder = new HpackEncoder();
  readonly #flood: FloodGuard;
  readonly #keepalive: Keepalive;
  readonly #streams = new Map<number, Http2Stream>();
  #settings: PeerSettings = DEFAULT_SETTINGS;
  #nextId = 1;
  #finished = 0;
  #heardAtMs: number;
  #state: "greeting" | "open" | "draining" | "closed" = "greeting";
  #forgetProbe: (() => void) | undefined;

  constructor(socket: Socket, parts: ConnectionParts) {
    const { clock, pace } = parts;
    this.#socket = socket;
    this.#parts = parts;
    this.#heardAtMs = clock.nowMs();
    this.#keepalive = new Keepalive(clock, pace, {
      // servers in Go and C++ hang up on whoever pings often while they think: calls have deadlines of their own, and those probe
      isBusy: () => false,
      ping: () => this.#ping(),
      onSilence: () => this.destroy("no sign of life"),
    });
    this.#flood = new FloodGuard(clock, () => achievement(this.#finished, this.#sender.framesSent));
    this.#outbox = new Outbox(socket);
    this.#sender = new SendQueue(this.#outbox);
    this.#window = new ReceiveWindow(this.#outbox, CONNECTION_WINDOW_BYTES);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("drain", () => this.#sender.resume());
    socket.once("end", () => this.#close("the upstream hung up"));
    socket.once("close", () => this.#close("the connection was closed"));
    socket.on("error", (error) => this.#close(error.message, error));
    this.#greet();
  }

  /** Streams that may begin now. */
  get room(): number {
    if (this.#state !== "open" || this.#forgetProbe !== undefined) return 0;
    return Math.min(this.#settings.maxConcurrentStreams, MAX_STREAMS) - this.#streams.size;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** Begins a request where there is room. */
  open(fields: readonly Field[], events: StreamEvents, endsStream: boolean): Http2Stream {
    const stream = new Http2Stream({
      id: this.#nextId,
      events,
      sendWindow: this.#settings.initialWindowBytes,
      outbox: this.#outbox,
      sender: this.#sender,
      writeTrailers: this.#writeTrailers,
      onOver: this.#onOver,
    });
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    this.#writeBlock(stream.id, fields, endsStream);
    if (endsStream) stream.endedWithHead();
    if (this.#nextId > LAST_STREAM_ID) this.#goAway();
    return stream;
  }

  /** A call ran out of time: unless the upstream gives a sign of life soon the connection is over. Takes no new streams meanwhile. */
  probe(): void {
    if (this.#state === "closed" || this.#state === "greeting" || this.#forgetProbe !== undefined) return;
    const askedMs = this.#parts.clock.nowMs();
    this.#ping();
    this.#forgetProbe = this.#parts.clock.after(PROBE_MS, () => {
      this.#forgetProbe = undefined;
      if (this.#heardAtMs <= askedMs) this.destroy("no sign of life");
    });
  }

  /** No new streams; closes when those under way are done. */
  drain(): void {
    if (this.#state !== "closed") this.#state = "draining";
    this.#closeIfDone();
  }

  /** Ends everything at once. */
  destroy(reason: string): void {
    // first: to a peer that is silent there are no last words
    this.#socket.destroy();
    this.#close(reason);
  }

  #greet(): void {
    this.#outbox.append(PREFACE);
    this.#outbox.append(
      settingsFrame([
        [SETTING.HEADER_TABLE_SIZE, 0],
        [SETTING.ENABLE_PUSH, 0],
        [SETTING.MAX_HEADER_LIST_SIZE, MAX_FIELDS_BYTES],
      ]),
    );
    this.#outbox.append(numberFrame(FRAME.WINDOW_UPDATE, 0, CONNECTION_WINDOW_BYTES - DEFAULT_WINDOW_BYTES));
  }

  #ping(): void {
    this.#outbox.append(smallFrame(FRAME.PING, 0, 0, Buffer.alloc(8)));
  }

  readonly #writeTrailers = (streamId: number, fields: readonly Field[]): void => this.#writeBlock(streamId, fields, true);

  #writeBlock(streamId: number, fields: readonly Field[], endsStream: boolean): void {
    let rest = this.#encoder.encode(NO_FIELDS, fields);
    let type: number = FRAME.HEADERS;
    let flags = endsStream ? FLAG.END_STREAM : 0;
    do {
      const part = rest.subarray(0, DEFAULT_MAX_FRAME_BYTES);
      rest = rest.subarray(part.length);
      if (rest.length === 0) flags |= FLAG.END_HEADERS;
      writeFrameHead(this.#outbox.reserve(FRAME_HEADER_BYTES), 0, { type, flags, streamId, payloadBytes: part.length });
      this.#outbox.append(part);
      type = FRAME.CONTINUATION;
      flags = 0;
    } while (rest.length > 0);
  }

  readonly #onOver = (stream: Http2Stream): void => {
    if (!this.#streams.delete(stream.id)) return;
    this.#sender.forget(stream);
    this.#closeIfDone();
    if (this.#state === "open") this.#parts.events.onRoom();
  };

  #read(chunk: Buffer): void {
    if (this.#state === "closed") return;
    this.#keepalive.heard();
    this.#heard();
    try {
      this.#reader.push(chunk);
      if (this.#socket.writableLength > MAX_UNREAD_BYTES)
        throw new Http2Violation(H2_ERROR.ENHANCE_YOUR_CALM, "answers that are not read");
    } catch (thrown) {
      const isViolation = thrown instanceof Http2Violation;
      this.#outbox.append(goawayFrame(0, isViolation ? thrown.code : H2_ERROR.INTERNAL_ERROR));
      // a bug of ours, met by what some upstream sent, costs this connection and not the process
      const reason = thrown instanceof Error ? thrown.message : "unknown error";
      this.#close(isViolation ? `the upstream broke HTTP/2: ${reason}` : `internal error: ${reason}`);
    }
  }

  #heard(): void {
    this.#heardAtMs = this.#parts.clock.nowMs();
    if (this.#forgetProbe === undefined) return;
    this.#forgetProbe();
    this.#forgetProbe = undefined;
    if (this.#state === "open") this.#parts.events.onRoom();
  }

  #frame(head: FrameHead, payload: Buffer): void {
    if (this.#state === "closed") return;
    if (this.#state === "greeting" && (head.type !== FRAME.SETTINGS || (head.flags & FLAG.ACK) !== 0))
      throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a first frame that is no SETTINGS");
    if (this.#blocks.isOpen && head.type !== FRAME.CONTINUATION)
      throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a frame inside a header block");
    this.#flood.count(head);
    switch (head.type) {
      case FRAME.DATA:
        return this.#data(head, payload);
      case FRAME.HEADERS:
        return this.#fields(this.#blocks.begin(this.#known(head), unpadded(head, payload)));
      case FRAME.CONTINUATION:
        return this.#fields(this.#blocks.go(head, payload));
      case FRAME.RST_STREAM:
        return this.#reset(this.#known(head), payload);
      case FRAME.SETTINGS:
        return this.#takeSettings(head, payload);
      case FRAME.PING:
        if (!isPong(head, payload)) this.#outbox.append(smallFrame(FRAME.PING, FLAG.ACK, 0, payload));
        return;
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
    stream.received(payload.length);
    if (endsStream) this.#finish(stream);
    stream.events.onBytes(bytes.length >= LARGE_BYTES ? bytes : Buffer.from(bytes), endsStream);
    if (!endsStream && this.#streams.has(stream.id)) stream.passedOn();
  }

  #fields(block: HeaderBlock | undefined): void {
    if (block === undefined) return;
    const fields = this.#decoder.decode(block.bytes);
    const stream = this.#streams.get(block.streamId);
    if (stream === undefined) return;
    if (block.endsStream) this.#finish(stream);
    stream.events.onFields(fields, block.endsStream);
  }

  /** The upstream said everything. What it did not wait to hear is not sent any more. */
  #finish(stream: Http2Stream): void {
    this.#finished += 1;
    if (stream.sent) this.#onOver(stream);
    else stream.reset(H2_ERROR.CANCEL);
  }

  #reset({ streamId }: FrameHead, payload: Buffer): void {
    const code = resetCode(payload);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    this.#onOver(stream);
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
    if (this.#state === "open") return this.#parts.events.onRoom();
    if (this.#state !== "greeting") return;
    this.#state = "open";
    this.#keepalive.start();
    this.#parts.events.onReady();
  }

  #goneAway(head: FrameHead, payload: Buffer): void {
    const last = lastStreamOf(head, payload);
    if (payload.readUInt32BE(4) === H2_ERROR.ENHANCE_YOUR_CALM) this.#parts.pace.slowDown();
    // first: whoever is told that he was not seen may ask again at once, and not here
    this.#goAway();
    for (const stream of [...this.#streams.values()].filter(({ id }) => id > last)) {
      this.#onOver(stream);
      stream.events.onGone(true, "the upstream takes no more requests on this connection");
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
    if (this.#state !== "open") return;
    this.#state = "draining";
    this.#parts.events.onDraining();
  }

  #closeIfDone(): void {
    if (this.#state !== "draining" || this.#streams.size > 0) return;
    this.#outbox.append(goawayFrame(0, H2_ERROR.NO_ERROR));
    this.#close("drained");
  }

  #close(reason: string, error?: NodeJS.ErrnoException): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#keepalive.stop();
    this.#forgetProbe?.();
    this.#outbox.close();
    hangUp(this.#socket, this.#parts.clock);
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    this.#parts.events.onClosed(reason, error);
    for (const { events } of streams) events.onGone(false, reason);
  }
}
