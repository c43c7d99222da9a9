import type { ByteSink, ByteStream, Flow } from "../model/byte-stream.ts";
import type { FrameScanner } from "../support/websocket-frames.ts";

/** What one direction tells its relay. */
export interface WayEvents {
  /** Bytes passed. */
  onBytes(way: RelayWay): void;
  /** A frame is not what it must be; nothing of it passed, or not all. */
  onFault(way: RelayWay): void;
  /** A close frame passed. */
  onClose(way: RelayWay): void;
  /** Whoever sends will send no more; `broken`: against its will. */
  onEnd(way: RelayWay, broken: boolean): void;
  /** Whoever receives takes no more. */
  onRefused(way: RelayWay): void;
}

/**
 * One direction of an open WebSocket: bytes pass untouched, with backpressure, while their frames are what they must be. Once it is ended
 * what still comes is read and dropped, so that the sender's own end is heard.
 */
export class RelayWay implements ByteStream, ByteSink, Flow {
  readonly declaredBytes = undefined;
  readonly scanner: FrameScanner;
  readonly #events: WayEvents;
  #source: ByteStream | undefined;
  #sink: ByteSink | undefined;
  #flow: Flow | undefined;
  /** `ended`: nothing more goes to the sink. `over`: nothing more comes either. */
  #state: "open" | "ended" | "over" = "open";
  /** What is to be written when somebody takes it. */
  #farewell: Uint8Array | undefined;

  constructor(scanner: FrameScanner, events: WayEvents) {
    this.scanner = scanner;
    this.#events = events;
  }

  /** Whether its sender has said its last word. */
  get over(): boolean {
    return this.#state === "over";
  }

  /** Whether nothing more goes to its receiver. */
  get ended(): boolean {
    return this.#state !== "open";
  }

  /** Where its bytes come from; before somebody takes them. */
  from(source: ByteStream): void {
    this.#source = source;
    if (this.#state === "over") source.discard();
  }

  pipe(sink: ByteSink): Flow {
    this.#sink = sink;
    if (this.#state === "over") {
      this.#sayFarewell();
      return this;
    }
    const flow = this.#source?.pipe(this);
    this.#flow = flow;
    if (this.#now() === "over") flow?.cancel();
    else if (this.#now() === "ended") this.#sayFarewell();
    return this;
  }

  resume(): void {
    if (this.#state !== "over") this.#flow?.resume();
  }

  /** From whoever receives. */
  cancel(cause?: unknown): void {
    if (this.#state === "over") return;
    this.stop(cause);
    this.#events.onRefused(this);
  }

  discard(cause?: unknown): void {
    this.cancel(cause);
  }

  write(piece: Uint8Array): boolean {
    if (this.#state !== "open" || this.#sink === undefined) return this.#state === "ended";
    const bytes = this.scanner.read(piece);
    const wantsMore = bytes === 0 || this.#sink.write(bytes === piece.byteLength ? piece : piece.subarray(0, bytes));
    if (this.scanner.fault !== undefined) this.#events.onFault(this);
    else if (this.scanner.closeCode !== undefined) this.#events.onClose(this);
    if (bytes > 0) this.#events.onBytes(this);
    return wantsMore || this.#now() === "ended";
  }

  end(): void {
    this.#said(false);
  }

  fail(): void {
    this.#said(true);
  }

  /** Ends what its receiver gets: with `frame` where one may stand. What its sender still sends is dropped. */
  finish(frame?: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#farewell = this.scanner.isBetweenFrames && this.scanner.closeCode === undefined ? frame : undefined;
    this.#state = "ended";
    if (this.#sink !== undefined) this.#sayFarewell();
    // a sender that was made to wait goes on, to its end
    this.#flow?.resume();
  }

  /** Reads no more of its sender. */
  stop(cause?: unknown): void {
    if (this.#state === "over") return;
    this.#state = "over";
    if (this.#flow !== undefined) this.#flow.cancel(cause);
    else this.#source?.discard(cause);
  }

  #sayFarewell(): void {
    const sink = this.#sink;
    if (this.#farewell !== undefined) sink?.write(this.#farewell);
    sink?.end();
  }

  #said(broken: boolean): void {
    if (this.#state === "over") return;
    this.#events.onEnd(this, broken);
    this.#state = "over";
  }

  // read through a method: whoever was called meanwhile may have changed it, which the type checker cannot see
  #now(): "open" | "ended" | "over" {
    return this.#state;
  }
}
