import { ChunkPile } from "../../../support/chunk-pile.ts";
import type { RequestFraming } from "../check-head.ts";
import type { BodyListener, BodySource } from "../exchange-wire.ts";

/** The connection a body comes from. */
export interface BytesHolder {
  /** This many bytes more wait to be taken; fewer where negative. */
  held(bytes: number): void;
  readonly closed: boolean;
}

/** The body of one request on its way from its connection to whoever listens. What nobody takes waits, in large pieces, however small it came. */
export class RequestBytes implements BodySource {
  readonly #holder: BytesHolder;
  #listener: BodyListener | undefined;
  #flowing = false;
  #flushing = false;
  #ignored = false;
  /** Arrived, not taken. */
  #pile: ChunkPile | undefined;
  /** Of a pile that is being given out: what is left. */
  #pieces: Uint8Array[] | undefined;
  #heldBytes = 0;
  #complete: boolean;
  readonly #hasLength: boolean;
  #ended = false;

  constructor(holder: BytesHolder, framing: RequestFraming) {
    this.#holder = holder;
    this.#complete = framing.kind === "none";
    this.#hasLength = framing.kind === "length";
  }

  get complete(): boolean {
    return this.#complete;
  }

  get drained(): boolean {
    return this.#complete && this.#heldBytes === 0;
  }

  get gone(): boolean {
    return this.#holder.closed && !this.#ended;
  }

  listen(listener: BodyListener): void {
    this.#listener = listener;
  }

  unlisten(): void {
    this.#listener = undefined;
    this.#flowing = false;
  }

  ignore(): void {
    this.unlisten();
    this.#ignored = true;
    this.#forget();
  }

  pause(): void {
    this.#flowing = false;
  }

  resume(): void {
    if (this.#ended || this.#holder.closed) return;
    this.#flowing = true;
    if (this.#hasLength || !this.#complete) return this.#flush();
    this.#flush(false);
    // not before whoever pipes it has it: a body without a length would look like one with (it is passed on as it was declared)
    queueMicrotask(() => this.#flush());
  }

  /** From the connection: bytes nobody else has. */
  push(bytes: Uint8Array): void {
    if (this.#ignored) return;
    if (this.#flowing && !this.#flushing && this.#heldBytes === 0) return this.#listener?.onBytes(bytes);
    this.#pile ??= new ChunkPile();
    this.#pile.push(bytes);
    this.#count(bytes.byteLength);
  }

  /** From the connection: that was all. */
  finish(): void {
    this.#complete = true;
    if (this.#flowing) this.#flush();
  }

  /** From the connection: it is gone. */
  lose(): void {
    this.#forget();
    const listener = this.#listener;
    this.unlisten();
    if (!this.#ended) listener?.onGone();
  }

  #flush(mayEnd = true): void {
    if (this.#flushing || this.#ended || !this.#flowing) return;
    this.#flushing = true;
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) {
      this.#count(-piece.byteLength);
      this.#listener?.onBytes(piece);
    }
    this.#flushing = false;
    if (!this.#flowing || !this.#complete || !mayEnd) return;
    this.#ended = true;
    this.#listener?.onEnd();
  }

  /** Where somebody takes it now. */
  #next(): Uint8Array | undefined {
    if (!this.#flowing || this.#heldBytes === 0) return undefined;
    if (this.#pieces === undefined || this.#pieces.length === 0) {
      this.#pieces = this.#pile?.take();
      this.#pile = undefined;
    }
    return this.#pieces?.shift();
  }

  #count(bytes: number): void {
    this.#heldBytes += bytes;
    this.#holder.held(bytes);
  }

  #forget(): void {
    this.#pile = undefined;
    this.#pieces = undefined;
    if (this.#heldBytes > 0) this.#count(-this.#heldBytes);
  }
}
