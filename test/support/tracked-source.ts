import type { ByteSink, ByteStream, Flow } from "../../src/model/byte-stream.ts";

/** A stream of raw bytes driven by hand, which knows what became of it. */
export class TrackedSource implements ByteStream, Flow {
  readonly declaredBytes = undefined;
  resumed = 0;
  cancelled = false;
  discarded = false;
  /** With which it was given up. */
  cause: unknown;
  #sink: ByteSink | undefined;

  /** The answer is the reader's. */
  write(bytes: Uint8Array): boolean {
    if (this.#sink === undefined) throw new Error("nobody reads this stream");
    return this.cancelled ? false : this.#sink.write(bytes);
  }

  end(): void {
    this.#sink?.end();
  }

  fail(): void {
    this.#sink?.fail("it broke");
  }

  pipe(sink: ByteSink): Flow {
    this.#sink = sink;
    return this;
  }

  resume(): void {
    this.resumed += 1;
  }

  cancel(cause?: unknown): void {
    this.cancelled = true;
    this.cause = cause;
  }

  discard(cause?: unknown): void {
    this.discarded = true;
    this.cause = cause;
  }
}
