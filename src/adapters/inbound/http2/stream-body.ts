import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { HeaderLines } from "../../../model/header-lines.ts";
import type { BodyListener, BodySource } from "../exchange-wire.ts";
import { readTrailers } from "./trailer-fields.ts";

/** The body of a request on an HTTP/2 stream. What nobody takes waits up to the stream's window, then its client. */
export class StreamBody implements BodySource {
  readonly #stream: ServerHttp2Stream;
  readonly #onCounted: (bytes: number) => void;
  #listener: BodyListener | undefined;
  #ended: boolean;
  #trailers: HeaderLines | undefined;

  /** `onCounted` hears of every byte that is taken or dropped. */
  constructor(stream: ServerHttp2Stream, onCounted: (bytes: number) => void) {
    this.#stream = stream;
    this.#onCounted = onCounted;
    this.#ended = stream.endAfterHeaders;
    // either may come before anybody asks for the body, and is told once
    if (this.#ended) return;
    stream.once("trailers", this.#onTrailers);
    stream.once("end", this.#onEnd);
  }

  get complete(): boolean {
    return this.#ended;
  }

  get drained(): boolean {
    return this.#ended;
  }

  get gone(): boolean {
    return !this.#ended && (this.#stream.destroyed || this.#stream.aborted);
  }

  listen(listener: BodyListener): void {
    if (this.#listener === undefined) {
      this.#stream.on("data", this.#onData);
      this.#stream.once("aborted", this.#onGone);
      this.#stream.once("close", this.#onGone);
    }
    this.#listener = listener;
  }

  unlisten(): void {
    this.#listener = undefined;
    this.#stream.off("data", this.#onData);
    this.#stream.off("aborted", this.#onGone);
    this.#stream.off("close", this.#onGone);
  }

  ignore(): void {
    this.unlisten();
    this.#stream.on("data", this.#onDropped);
    this.#stream.resume();
  }

  pause(): void {
    if (!this.#stream.readableEnded) this.#stream.pause();
  }

  resume(): void {
    // an empty body ended before somebody listened
    if (this.#ended) this.#listener?.onEnd(this.#trailers);
    else this.#stream.resume();
  }

  readonly #onDropped = (bytes: Buffer): void => this.#onCounted(bytes.byteLength);

  readonly #onData = (bytes: Buffer): void => {
    this.#onCounted(bytes.byteLength);
    this.#listener?.onBytes(bytes);
  };

  readonly #onTrailers = (fields: IncomingHttpHeaders): void => {
    this.#trailers = readTrailers(fields);
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#listener?.onEnd(this.#trailers);
  };

  readonly #onGone = (): void => {
    if (!this.#ended) this.#listener?.onGone();
  };
}
