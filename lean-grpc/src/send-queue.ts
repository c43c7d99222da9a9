import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  H2_ERROR,
  Http2Violation,
  MAX_WINDOW_BYTES,
  writeFrameHead,
} from "./frame.ts";
import type { Outbox } from "./outbox.ts";

/** The sending half of one stream: one message, then the end. */
export interface SendingStream {
  readonly id: number;
  /** What the peer lets us send on this stream; may be negative after it shrank its windows. */
  sendWindow: number;
  /** Not sent yet; empty once everything is. */
  unsent: Buffer;
  /** Whether the last byte ends the stream, as with a request; a response goes on with trailers. */
  readonly endsWithMessage: boolean;
  /** Everything that was to be sent is. Called where some of it had to wait. */
  readonly onSent?: () => void;
}

/** Sends what flow control allows (RFC 9113 section 5.2), and the rest when the peer opens its windows; who waits is served in turn. */
export class SendQueue {
  readonly #outbox: Outbox;
  readonly #blocked = new Set<SendingStream>();
  #window = DEFAULT_WINDOW_BYTES;
  #framesSent = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** DATA frames so far. A peer answers some of them with windows. */
  get framesSent(): number {
    return this.#framesSent;
  }

  /** Sends the message of a stream, as far as it may go; what may not waits. */
  send(stream: SendingStream): void {
    while (stream.unsent.length > 0) {
      const room = this.#outbox.isFull ? 0 : Math.min(this.#window, stream.sendWindow, DEFAULT_MAX_FRAME_BYTES);
      if (room <= 0) {
        this.#blocked.add(stream);
        return;
      }
      const payload = stream.unsent.subarray(0, room);
      stream.unsent = stream.unsent.subarray(payload.length);
      stream.sendWindow -= payload.length;
      this.#window -= payload.length;
      this.#writeData(stream, payload);
    }
    if (this.#blocked.delete(stream)) stream.onSent?.();
  }

  /** Takes the room for a message that is sent whole; `false`: there is none, or others wait for it. */
  takeWindow(stream: SendingStream, bytes: number): boolean {
    if (
      this.#blocked.size > 0 ||
      this.#outbox.isFull ||
      bytes > Math.min(this.#window, stream.sendWindow, DEFAULT_MAX_FRAME_BYTES)
    )
      return false;
    this.#window -= bytes;
    stream.sendWindow -= bytes;
    return true;
  }

  /** A stream that is over waits no longer. */
  forget(stream: SendingStream): void {
    this.#blocked.delete(stream);
  }

  /** The connection's window grew. */
  grow(bytes: number): void {
    this.#window = grown(this.#window, bytes);
    this.resume();
  }

  /** The socket took what waited in it. */
  resume(): void {
    for (const stream of [...this.#blocked]) {
      if (this.#window <= 0 || this.#outbox.isFull) return;
      // behind the others, so that one large message does not starve them
      if (!this.#blocked.delete(stream)) continue;
      this.#blocked.add(stream);
      this.send(stream);
    }
  }

  /** A stream's window grew, or, with new settings of the peer, shrank. */
  growStream(stream: SendingStream, bytes: number): void {
    stream.sendWindow = grown(stream.sendWindow, bytes);
    if (stream.unsent.length > 0) this.send(stream);
  }

  #writeData({ id, unsent, endsWithMessage }: SendingStream, payload: Buffer): void {
    this.#framesSent += 1;
    const flags = endsWithMessage && unsent.length === 0 ? FLAG.END_STREAM : 0;
    const head = { type: FRAME.DATA, flags, streamId: id, payloadBytes: payload.length };
    writeFrameHead(this.#outbox.reserve(FRAME_HEADER_BYTES), 0, head);
    this.#outbox.append(payload);
  }
}

function grown(window: number, bytes: number): number {
  if (window + bytes > MAX_WINDOW_BYTES) throw new Http2Violation(H2_ERROR.FLOW_CONTROL_ERROR, "a window that grew too large");
  return window + bytes;
}
