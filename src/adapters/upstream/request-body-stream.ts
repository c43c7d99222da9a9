import { Readable } from "node:stream";
import type { ByteStream, Flow } from "../../model/byte-stream.ts";

/** Why the request broke off: its own body did, and the upstream is not to blame. */
export class RequestBodyBroken extends Error {
  override readonly name = "RequestBodyBroken";
}

/** A request body in the form undici reads, pulled from a ByteStream as fast as the connection takes it. */
export class RequestBodyStream extends Readable {
  readonly #source: ByteStream;
  #flow: Flow | undefined;
  #begun = false;

  constructor(source: ByteStream) {
    super();
    this.#source = source;
  }

  override _read(): void {
    if (this.#begun) return this.#flow?.resume();
    this.#begun = true;
    this.#flow = this.#source.pipe({
      write: (chunk) => this.push(chunk),
      end: () => this.push(null),
      fail: (cause) => this.destroy(new RequestBodyBroken("the request body broke off", { cause })),
    });
    // the source may have failed, or undici given up, before it returned
    if (this.destroyed) this.#flow.cancel();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#begun) this.#source.discard(error ?? undefined);
    else if (!this.readableEnded) this.#flow?.cancel(error ?? undefined);
    done(error);
  }
}
