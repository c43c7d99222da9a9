import type { Socket } from "node:net";
import { ClientEnd } from "@sallyport/lean-grpc/client-end.ts";
import type { ClientEndOwner } from "@sallyport/lean-grpc/client-end-owner.ts";
import { endsStream, H2_ERROR, type FrameHead } from "@sallyport/lean-grpc/frame.ts";
import type { Field } from "@sallyport/lean-grpc/hpack-table.ts";
import type { KeepalivePace } from "@sallyport/lean-grpc/keepalive.ts";
import type { Clock } from "../../../ports/clock.ts";
import { Http2Stream, STREAM_WINDOW_BYTES, type StreamEvents } from "./http2-stream.ts";

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

/** What the upstream may send on one stream, and on all of a connection, before we take it, bytes. */
const WINDOWS = { streamBytes: STREAM_WINDOW_BYTES, connectionBytes: 1024 * 1024 };

/** Largest response head or trailers, bytes: names, values, and 32 for each. */
const MAX_FIELDS_BYTES = 64 * 1024;

/** How long an upstream that let a call run out of time may leave a ping unanswered, milliseconds. */
const PROBE_MS = 5_000;

/** Smaller pieces of a read are copied, so that they do not hold all of it. */
const LARGE_BYTES = 8 * 1024;

const NO_FIELDS: readonly Field[] = [];

/** Our end of one HTTP/2 connection to an upstream: bodies and trailers flow both ways, each stream with its own backpressure. */
export class Http2Connection implements ClientEndOwner<Http2Stream> {
  readonly #parts: ConnectionParts;
  readonly #end: ClientEnd<Http2Stream>;
  #forgetProbe: (() => void) | undefined;

  constructor(socket: Socket, parts: ConnectionParts) {
    const { clock, pace } = parts;
    this.#parts = parts;
    const terms = { windows: WINDOWS, timers: clock, pace, maxFieldsBytes: MAX_FIELDS_BYTES, peerName: "upstream" };
    this.#end = new ClientEnd(socket, terms, this);
  }

  /** Streams that may begin now. */
  get room(): number {
    if (this.#end.state !== "open" || this.#forgetProbe !== undefined) return 0;
    return Math.min(this.#end.maxStreams, MAX_STREAMS) - this.#end.streamCount;
  }

  get streamCount(): number {
    return this.#end.streamCount;
  }

  /** Begins a request where there is room. */
  open(fields: readonly Field[], events: StreamEvents, isWhole: boolean): Http2Stream {
    const end = this.#end;
    const stream = new Http2Stream({ id: end.takeId(), events, sendWindow: end.sendWindow, connection: end });
    end.begin(stream, end.encoder.encode(NO_FIELDS, fields), isWhole);
    if (isWhole) stream.endedWithHead();
    return stream;
  }

  /**
   * A call ran out of time, having waited since then: where nothing at all was heard since, the connection is over unless the upstream gives a
   * sign of life soon. Takes no new streams meanwhile. Servers of gRPC bear being asked every five minutes, and end every stream otherwise.
   */
  probe(sinceMs: number): void {
    const { state, heardAtMs } = this.#end;
    if (state === "closed" || state === "greeting" || this.#forgetProbe !== undefined) return;
    if (heardAtMs > sinceMs || !this.#end.askNow()) return;
    this.#forgetProbe = this.#parts.clock.after(PROBE_MS, () => {
      this.#forgetProbe = undefined;
      this.destroy("no sign of life");
    });
  }

  /** No new streams; closes when those under way are done. */
  drain(): void {
    this.#end.drain();
  }

  /** Ends everything at once. */
  destroy(reason: string): void {
    this.#end.destroy(reason);
  }

  /** Never: servers in Go and C++ hang up on whoever pings often while they think. Calls have deadlines of their own, and those probe. */
  isBusy(): boolean {
    return false;
  }

  onReady(): void {
    this.#parts.events.onReady();
  }

  onRead(): void {
    if (this.#forgetProbe === undefined) return;
    this.#forgetProbe();
    this.#forgetProbe = undefined;
    this.onRoom();
  }

  onRoom(): void {
    if (this.#end.state === "open") this.#parts.events.onRoom();
  }

  onDraining(): void {
    this.#parts.events.onDraining();
  }

  onFields(stream: Http2Stream, fields: readonly Field[], isLast: boolean): void {
    if (isLast) this.#finish(stream);
    stream.events.onFields(fields, isLast);
  }

  onBytes(stream: Http2Stream, bytes: Buffer, frame: FrameHead): void {
    const isLast = endsStream(frame);
    stream.received(frame.payloadBytes);
    if (isLast) this.#finish(stream);
    stream.events.onBytes(bytes.length >= LARGE_BYTES ? bytes : Buffer.from(bytes), isLast);
    if (!isLast && this.#end.has(stream)) stream.passedOn();
  }

  onOver(): void {
    this.onRoom();
  }

  onReset(stream: Http2Stream, code: number): void {
    stream.events.onReset(code);
  }

  onGone(stream: Http2Stream, unseen: boolean, reason: string): void {
    stream.events.onGone(unseen, reason);
  }

  onClosed(reason: string, error?: NodeJS.ErrnoException): void {
    this.#forgetProbe?.();
    this.#parts.events.onClosed(reason, error);
  }

  /** The upstream said everything. What it did not wait to hear is not sent any more. */
  #finish(stream: Http2Stream): void {
    if (stream.sent) this.#end.forget(stream);
    else stream.reset(H2_ERROR.CANCEL);
  }
}
