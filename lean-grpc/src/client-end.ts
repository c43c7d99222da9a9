import type { Socket } from "node:net";
import type { ClientEndOwner, ClientEndTerms } from "./client-end-owner.ts";
import { isPong, isSettingsAck, lastStreamOf, resetCode, windowIncrement } from "./control-frames.ts";
import { achievement, FloodGuard } from "./flood-guard.ts";
import {
  DEFAULT_WINDOW_BYTES,
  endsStream,
  FLAG,
  FRAME,
  goawayFrame,
  H2_ERROR,
  Http2Violation,
  numberFrame,
  PREFACE,
  SETTING,
  settingsFrame,
  smallFrame,
  type FrameHead,
} from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import { hangUp } from "./hang-up.ts";
import { HeaderBlocks, unpadded, writeHeaderBlock, type HeaderBlock } from "./header-block.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { HpackEncoder } from "./hpack-encoder.ts";
import { Keepalive } from "./keepalive.ts";
import { Outbox } from "./outbox.ts";
import { DEFAULT_SETTINGS, withSettings, type PeerSettings } from "./peer-settings.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { SendQueue, type SendingStream } from "./send-queue.ts";

/** Ids of streams are odd and grow; behind the last one a connection is used up. */
const LAST_STREAM_ID = 0x7fff_ffff;

/** Answers to a peer that sends and does not read; bodies wait long before. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

const NO_BYTES = Buffer.alloc(0);

/** Why a connection ended that the peer ended without a word. */
export const hungUp = (peerName: string): string => `the ${peerName} hung up`;

/**
 * The frames of a client's end of one HTTP/2 connection (RFC 9113): settings, windows, header blocks, signs of life, and which stream something
 * is for. What streams are is their owner's business. No push, no priorities, a header table of 0 bytes for what the peer sends. A peer
 * that breaks the protocol loses the connection. The socket is owned from here on.
 */
export class ClientEnd<Stream extends SendingStream> {
  readonly outbox: Outbox;
  readonly sender: SendQueue;
  readonly encoder = new HpackEncoder();
  readonly #socket: Socket;
  readonly #terms: ClientEndTerms;
  readonly #owner: ClientEndOwner<Stream>;
  readonly #window: ReceiveWindow;
  readonly #reader = new FrameReader((head, payload) => this.#frame(head, payload));
  readonly #blocks: HeaderBlocks;
  readonly #decoder: HpackDecoder;
  readonly #flood: FloodGuard;
  readonly #keepalive: Keepalive;
  readonly #streams = new Map<number, Stream>();
  #settings: PeerSettings = DEFAULT_SETTINGS;
  #nextId = 1;
  #ended = 0;
  #state: "greeting" | "open" | "draining" | "closed" = "greeting";

  constructor(socket: Socket, terms: ClientEndTerms, owner: ClientEndOwner<Stream>) {
    const { timers, pace, windows, maxFieldsBytes, peerName } = terms;
    this.#socket = socket;
    this.#terms = terms;
    this.#owner = owner;
    this.#blocks = new HeaderBlocks(maxFieldsBytes);
    this.#decoder = new HpackDecoder({ tableBytes: 0, maxListBytes: maxFieldsBytes });
    this.#keepalive = new Keepalive(timers, pace, {
      isBusy: () => owner.isBusy(),
      ping: () => this.outbox.append(smallFrame(FRAME.PING, 0, 0, Buffer.alloc(8))),
      onSilence: () => this.destroy("no sign of life"),
    });
    this.#flood = new FloodGuard(timers, () => achievement(this.#ended, this.sender.framesSent));
    this.outbox = new Outbox(socket);
    this.sender = new SendQueue(this.outbox);
    this.#window = new ReceiveWindow(this.outbox, windows.connectionBytes);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("drain", () => this.sender.resume());
    socket.once("end", () => this.#close(hungUp(peerName)));
    socket.once("close", () => this.#close(hungUp(peerName)));
    socket.on("error", (error) => this.#close(error.message, error));
    this.#greet();
  }

  get state(): "greeting" | "open" | "draining" | "closed" {
    return this.#state;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** Streams at once, as the peer says. */
  get maxStreams(): number {
    return this.#settings.maxConcurrentStreams;
  }

  /** What the peer lets a new stream send before it says more, bytes. */
  get sendWindow(): number {
    return this.#settings.initialWindowBytes;
  }

  /** The id of a stream that begins now. */
  takeId(): number {
    const id = this.#nextId;
    this.#nextId += 2;
    return id;
  }

  /** Begins a stream with its header block. */
  begin(stream: Stream, block: Buffer, endsStream: boolean): void {
    this.#streams.set(stream.id, stream);
    this.writeBlock(stream.id, block, endsStream);
    if (this.#nextId > LAST_STREAM_ID) this.#goAway();
  }

  /** Writes a header block, a stream's first or its last. */
  writeBlock(streamId: number, block: Buffer, endsStream: boolean): void {
    writeHeaderBlock(this.outbox, { streamId, endsStream, bytes: block });
  }

  /** Whether a stream is neither over nor given up. */
  has({ id }: Stream): boolean {
    return this.#streams.has(id);
  }

  /** Nothing more comes of a stream, and nothing more is sent. Closes what drains if it was the last. */
  forget(stream: Stream): void {
    if (this.#remove(stream)) this.#closeIfDone();
  }

  /** Gives a stream up: the peer is told, and no event comes any more. */
  reset(stream: Stream, code: number): void {
    if (!this.has(stream)) return;
    this.outbox.append(numberFrame(FRAME.RST_STREAM, stream.id, code));
    this.forget(stream);
  }

  /** The peer may send as much again on a stream. */
  acknowledge({ id }: Stream, bytes: number): void {
    this.outbox.append(numberFrame(FRAME.WINDOW_UPDATE, id, bytes));
  }

  /** When the peer was last heard, monotonic, milliseconds. */
  get heardAtMs(): number {
    return this.#keepalive.heardAtMs;
  }

  /** Asks for a sign of life; `false`: it was asked too lately. */
  askNow(): boolean {
    return this.#keepalive.askNow();
  }

  /** Somebody waits for an answer, and nobody did before. */
  busy(): void {
    this.#keepalive.busy();
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
    const { windows, maxFieldsBytes } = this.#terms;
    this.outbox.append(PREFACE);
    this.outbox.append(
      settingsFrame([
        [SETTING.HEADER_TABLE_SIZE, 0],
        [SETTING.ENABLE_PUSH, 0],
        [SETTING.INITIAL_WINDOW_SIZE, windows.streamBytes],
        [SETTING.MAX_HEADER_LIST_SIZE, maxFieldsBytes],
      ]),
    );
    this.outbox.append(numberFrame(FRAME.WINDOW_UPDATE, 0, windows.connectionBytes - DEFAULT_WINDOW_BYTES));
  }

  #remove(stream: Stream): boolean {
    if (!this.#streams.delete(stream.id)) return false;
    this.sender.forget(stream);
    this.#owner.onOver(stream);
    return true;
  }

  #read(chunk: Buffer): void {
    if (this.#state === "closed") return;
    this.#keepalive.heard();
    this.#owner.onRead?.();
    try {
      this.#reader.push(chunk);
      if (this.#socket.writableLength > MAX_UNREAD_BYTES)
        throw new Http2Violation(H2_ERROR.ENHANCE_YOUR_CALM, "answers that are not read");
    } catch (thrown) {
      const isViolation = thrown instanceof Http2Violation;
      this.outbox.append(goawayFrame(0, isViolation ? thrown.code : H2_ERROR.INTERNAL_ERROR));
      // a bug of ours, met by what some peer sent, costs this connection and not the process
      const reason = thrown instanceof Error ? thrown.message : "unknown error";
      this.#close(isViolation ? `the ${this.#terms.peerName} broke HTTP/2: ${reason}` : `internal error: ${reason}`);
    }
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
        return this.#wasReset(this.#known(head), payload);
      case FRAME.SETTINGS:
        return this.#takeSettings(head, payload);
      case FRAME.PING:
        // an answer to ours is a sign of life like everything else
        if (!isPong(head, payload)) this.outbox.append(smallFrame(FRAME.PING, FLAG.ACK, 0, payload));
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
    const isLast = endsStream(head);
    if (bytes.length === 0 && !isLast) this.#flood.nothing();
    if (stream === undefined) return;
    if (isLast) this.#ended += 1;
    this.#owner.onBytes(stream, bytes, head);
  }

  #fields(block: HeaderBlock | undefined): void {
    if (block === undefined) return;
    const fields = this.#decoder.decode(block.bytes);
    const stream = this.#streams.get(block.streamId);
    if (stream === undefined) return;
    if (block.endsStream) this.#ended += 1;
    this.#owner.onFields(stream, fields, block.endsStream);
  }

  #wasReset({ streamId }: FrameHead, payload: Buffer): void {
    const code = resetCode(payload);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    this.forget(stream);
    this.#owner.onReset(stream, code);
  }

  #takeSettings(head: FrameHead, payload: Buffer): void {
    if (isSettingsAck(head, payload)) return;
    const before = this.#settings;
    this.#settings = withSettings(before, payload);
    this.encoder.resize(this.#settings.headerTableBytes);
    const growth = this.#settings.initialWindowBytes - before.initialWindowBytes;
    if (growth !== 0) for (const stream of this.#streams.values()) this.sender.growStream(stream, growth);
    this.outbox.append(smallFrame(FRAME.SETTINGS, FLAG.ACK, 0, NO_BYTES));
    if (this.#state === "greeting") {
      this.#state = "open";
      this.#keepalive.start();
      this.#owner.onReady();
    }
    this.#owner.onRoom();
  }

  #goneAway(head: FrameHead, payload: Buffer): void {
    const last = lastStreamOf(head, payload);
    if (payload.readUInt32BE(4) === H2_ERROR.ENHANCE_YOUR_CALM) this.#terms.pace.slowDown();
    // first: whoever is told that he was not seen may ask again at once, and not here
    this.#goAway();
    for (const stream of [...this.#streams.values()].filter(({ id }) => id > last)) {
      this.#remove(stream);
      this.#owner.onGone(stream, true, `the ${this.#terms.peerName} takes no more requests on this connection`);
    }
    this.#closeIfDone();
  }

  #windowUpdate({ streamId }: FrameHead, payload: Buffer): void {
    const bytes = windowIncrement(payload);
    if (streamId === 0) return this.sender.grow(bytes);
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) this.sender.growStream(stream, bytes);
  }

  #goAway(): void {
    if (this.#state !== "open") return;
    this.#state = "draining";
    this.#owner.onDraining();
  }

  #closeIfDone(): void {
    if (this.#state !== "draining" || this.#streams.size > 0) return;
    this.outbox.append(goawayFrame(0, H2_ERROR.NO_ERROR));
    this.#close("drained");
  }

  #close(reason: string, error?: NodeJS.ErrnoException): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#keepalive.stop();
    this.outbox.close();
    hangUp(this.#socket, this.#terms.timers);
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    this.#owner.onClosed(reason, error);
    for (const stream of streams) this.#owner.onGone(stream, false, reason);
  }
}
