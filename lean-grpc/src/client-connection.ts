import type { Socket } from "node:net";
import { ClientEnd } from "./client-end.ts";
import type { ClientEndOwner } from "./client-end-owner.ts";
import type { ConnectionEvents, ConnectionTerms, StreamEvents, StreamRequest } from "./client-stream.ts";
import { endsStream, H2_ERROR, type FrameHead } from "./frame.ts";
import type { Field } from "./hpack-table.ts";
import type { SendingStream } from "./send-queue.ts";
import { goneAtOnce, WaitingRequests } from "./waiting-requests.ts";

interface Stream extends SendingStream {
  readonly events: StreamEvents;
  /** Bytes that came and were not yet given back to the peer's window. */
  unacknowledged: number;
  /** It has a deadline: see `StreamRequest`. */
  readonly isAwaited: boolean;
}

/** Largest response head or trailers, bytes: names, values, and 32 for each. */
const MAX_FIELDS_BYTES = 16 * 1024;

/** What a client calls who is at the other end. */
export const PEER = "peer";

/** The client's end of one HTTP/2 connection, for short requests of one message each; what finds no stream waits for one. */
export class ClientConnection implements ClientEndOwner<Stream> {
  readonly #end: ClientEnd<Stream>;
  readonly #events: ConnectionEvents;
  readonly #streamBytes: number;
  readonly #waiting = new WaitingRequests();
  /** Calls that must end soon: on a stream for good nobody waits for an answer. */
  #awaited = 0;

  constructor(socket: Socket, terms: ConnectionTerms, events: ConnectionEvents) {
    this.#events = events;
    this.#streamBytes = terms.windows.streamBytes;
    this.#end = new ClientEnd(socket, { ...terms, maxFieldsBytes: MAX_FIELDS_BYTES, peerName: PEER }, this);
  }

  /** Streams under way and waiting. */
  get streamCount(): number {
    return this.#end.streamCount + this.#waiting.count;
  }

  get isDraining(): boolean {
    return this.#end.state === "draining" || this.#end.state === "closed";
  }

  /** Begins a request. Returns the function that gives it up: the peer is told, and no event comes any more. */
  open(request: StreamRequest, events: StreamEvents): () => void {
    if (this.isDraining) return goneAtOnce(events);
    if (!this.#hasRoom || this.#waiting.count > 0) return this.#waiting.add(request, events);
    return this.#begin(request, events);
  }

  /** No new streams; closes when those under way are done. */
  drain(): void {
    this.#end.drain();
    this.#waiting.drop();
  }

  /** Ends everything at once. */
  destroy(reason: string): void {
    this.#end.destroy(reason);
  }

  isBusy(): boolean {
    return this.#awaited > 0;
  }

  onReady(): void {
    this.#events.onReady();
  }

  /** Lets in who waits for a stream. */
  onRoom(): void {
    if (this.#waiting.count === 0) return;
    this.#waiting.admit(
      () => this.#hasRoom,
      (request, events) => this.#begin(request, events),
    );
  }

  onDraining(): void {
    this.#events.onDraining();
    this.#waiting.drop();
  }

  onFields(stream: Stream, fields: readonly Field[], isLast: boolean): void {
    if (isLast) this.#finish(stream);
    stream.events.onHeaders(fields, isLast);
  }

  onBytes(stream: Stream, bytes: Buffer, frame: FrameHead): void {
    const isLast = endsStream(frame);
    if (isLast) this.#finish(stream);
    else this.#acknowledge(stream, frame.payloadBytes);
    stream.events.onBytes(bytes, isLast);
  }

  onOver(stream: Stream): void {
    if (stream.isAwaited) this.#awaited -= 1;
    this.onRoom();
  }

  onReset(stream: Stream, code: number): void {
    stream.events.onReset(code);
  }

  onGone(stream: Stream, unseen: boolean): void {
    stream.events.onGone(unseen);
  }

  onClosed(reason: string, error?: Error): void {
    this.#events.onClosed(reason, error);
    this.#waiting.drop();
  }

  get #hasRoom(): boolean {
    return this.#end.state === "open" && this.#end.streamCount < this.#end.maxStreams;
  }

  #begin({ fixed, changing, body, isAwaited }: StreamRequest, events: StreamEvents): () => void {
    const end = this.#end;
    const stream: Stream = {
      id: end.takeId(),
      events,
      sendWindow: end.sendWindow,
      unsent: body,
      endsWithMessage: true,
      unacknowledged: 0,
      isAwaited,
    };
    if (stream.isAwaited && this.#awaited++ === 0) end.busy();
    end.begin(stream, end.encoder.encode(fixed, changing), false);
    end.sender.send(stream);
    return () => end.reset(stream, H2_ERROR.CANCEL);
  }

  /** The peer said everything. What it did not wait to hear is not sent any more. */
  #finish(stream: Stream): void {
    if (stream.unsent.length > 0) this.#end.reset(stream, H2_ERROR.CANCEL);
    else this.#end.forget(stream);
  }

  #acknowledge(stream: Stream, bytes: number): void {
    stream.unacknowledged += bytes;
    if (stream.unacknowledged <= this.#streamBytes / 2) return;
    this.#end.acknowledge(stream, stream.unacknowledged);
    stream.unacknowledged = 0;
  }
}
