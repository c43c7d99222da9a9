import type { ClientEnd } from "@sallyport/lean-grpc/client-end.ts";
import { FLAG, FRAME, H2_ERROR, Http2Violation, smallFrame } from "@sallyport/lean-grpc/frame.ts";
import type { Field } from "@sallyport/lean-grpc/hpack-table.ts";
import type { SendingStream } from "@sallyport/lean-grpc/send-queue.ts";

/** What happens on one stream. Nothing comes before `open` returned, and nothing after the end, a reset or `onGone`. */
export interface StreamEvents {
  /** A response's head, an interim one, or trailers. */
  onFields(fields: readonly Field[], endsStream: boolean): void;
  /** Bytes of the body, which may be kept. */
  onBytes(bytes: Uint8Array, endsStream: boolean): void;
  /** The upstream takes bytes it had let wait. */
  onRoom(): void;
  /** The upstream gave the stream up. */
  onReset(code: number): void;
  /** The connection ended under it. `unseen`: the upstream cannot have acted on the request. `reason`: a fragment for the log. */
  onGone(unseen: boolean, reason: string): void;
}

/** What a stream needs of its connection. */
export interface StreamParts {
  readonly id: number;
  readonly events: StreamEvents;
  readonly sendWindow: number;
  readonly connection: ClientEnd<Http2Stream>;
}

/** What the upstream may send on one stream before we take it, bytes: the protocol's own default. */
export const STREAM_WINDOW_BYTES = 65_535;

const NOTHING = Buffer.alloc(0);

const NO_FIELDS: readonly Field[] = [];

const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer => Buffer.from(buffer, byteOffset, byteLength);

/** One stream of a connection, seen from its call: a body and trailers go out as the peer's windows allow, and come in as fast as they are taken. */
export class Http2Stream implements SendingStream {
  readonly id: number;
  readonly events: StreamEvents;
  sendWindow: number;
  unsent: Buffer = NOTHING;
  readonly #connection: ClientEnd<Http2Stream>;
  /** Behind `unsent`; as many chunks as the body's producer has on its way when it is asked to wait. */
  readonly #pending: Buffer[] = [];
  #trailers: readonly Field[] | undefined;
  #state: "open" | "ending" | "sent" = "open";
  /** The last bytes say that they are the last. */
  #endIsCarried = false;
  /** What the peer may still send without having been told more. */
  #window = STREAM_WINDOW_BYTES;
  #unacknowledged = 0;
  #paused = false;

  constructor(parts: StreamParts) {
    this.id = parts.id;
    this.events = parts.events;
    this.sendWindow = parts.sendWindow;
    this.#connection = parts.connection;
  }

  get endsWithMessage(): boolean {
    return this.#state === "ending" && this.#pending.length === 0 && this.#trailers === undefined;
  }

  /** Whether everything of the request is with the connection. */
  get sent(): boolean {
    return this.#state === "sent";
  }

  /** Whether bytes wait for the peer to take them. */
  get waits(): boolean {
    return this.unsent.length > 0;
  }

  /** The head said that nothing follows. */
  endedWithHead(): void {
    this.#state = "sent";
  }

  /** Sends bytes, which must not change any more; `false`: they wait, and `onRoom` tells when they are gone. */
  write(chunk: Uint8Array): boolean {
    if (this.#state !== "open") return false;
    if (chunk.byteLength === 0) return !this.waits;
    if (this.waits) this.#pending.push(asBuffer(chunk));
    else this.#send(asBuffer(chunk));
    return !this.waits;
  }

  /** The whole body, which must not change any more. */
  endWith(body: Uint8Array): void {
    if (body.byteLength === 0) return this.end();
    this.#state = "ending";
    this.#endIsCarried = true;
    this.#send(asBuffer(body));
    if (!this.waits) this.#finish();
  }

  /** The request is complete. */
  end(trailers?: readonly Field[]): void {
    if (this.#state !== "open") return;
    this.#trailers = trailers;
    this.#state = "ending";
    this.#endIsCarried = this.waits && trailers === undefined;
    if (!this.waits) this.#finish();
  }

  readonly onSent = (): void => {
    const next = this.#pending.shift();
    if (next !== undefined) this.#send(next);
    if (this.waits) return;
    if (next !== undefined && this.#pending.length > 0) return this.onSent();
    if (this.#state === "ending") this.#finish();
    this.events.onRoom();
  };

  /** Takes no more than the window holds until `resume`. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#acknowledge();
  }

  /** Gives it up: the peer is told, and no event comes any more. */
  reset(code: number): void {
    this.#connection.reset(this, code);
  }

  /** Counts what came in a DATA frame, padding included. Throws where the peer was not allowed so much. */
  received(bytes: number): void {
    this.#window -= bytes;
    this.#unacknowledged += bytes;
    if (this.#window < 0) throw new Http2Violation(H2_ERROR.FLOW_CONTROL_ERROR, "more bytes than the window of a stream");
  }

  /** What came was passed on: the peer may send as much again, unless nobody takes it now. */
  passedOn(): void {
    if (!this.#paused) this.#acknowledge();
  }

  #acknowledge(): void {
    if (this.#unacknowledged <= STREAM_WINDOW_BYTES / 2) return;
    this.#connection.acknowledge(this, this.#unacknowledged);
    this.#window += this.#unacknowledged;
    this.#unacknowledged = 0;
  }

  #send(bytes: Buffer): void {
    this.unsent = bytes;
    this.#connection.sender.send(this);
  }

  #finish(): void {
    this.#state = "sent";
    if (this.#trailers !== undefined) this.#writeTrailers(this.#trailers);
    else if (!this.#endIsCarried) this.#connection.outbox.append(smallFrame(FRAME.DATA, FLAG.END_STREAM, this.id, NOTHING));
  }

  #writeTrailers(fields: readonly Field[]): void {
    this.#connection.writeBlock(this.id, this.#connection.encoder.encode(NO_FIELDS, fields), true);
  }
}
