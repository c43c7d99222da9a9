import { H2_ERROR, Http2Violation } from "./frame.ts";

/**
 * What a client sends of requests that are over: it is dropped, and the connection's window given back for it, up to what a client can have on
 * its way: a connection's window, and one more for each such request.
 */
export class LateBytes {
  readonly #streamBytes: number;
  #allowedBytes: number;

  /** The windows of a connection and of one stream. */
  constructor({ connectionBytes, streamBytes }: { readonly connectionBytes: number; readonly streamBytes: number }) {
    this.#streamBytes = streamBytes;
    this.#allowedBytes = connectionBytes;
  }

  /** A request is over. */
  streamOver(): void {
    this.#allowedBytes += this.#streamBytes;
  }

  /** Of a DATA frame, padding included. Throws `Http2Violation` where it cannot have been on its way. */
  received(bytes: number): void {
    this.#allowedBytes -= bytes;
    if (this.#allowedBytes < 0)
      throw new Http2Violation(H2_ERROR.FLOW_CONTROL_ERROR, "more of requests that are over than their windows");
  }
}
