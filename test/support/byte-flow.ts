import type { ByteSink, ByteStream, Flow } from "../../src/model/byte-stream.ts";
import type { HeaderLines } from "../../src/model/header-lines.ts";

/** UTF-8. */
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** UTF-8. */
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A sink that remembers. `appetite` chunks are taken, then it asks for a rest until `feed` is called. */
export class RecordingSink implements ByteSink {
  readonly chunks: Uint8Array[] = [];
  readonly over: Promise<{ readonly kind: "ended" } | { readonly kind: "failed"; readonly cause: unknown }>;
  readonly #settle: (over: { readonly kind: "ended" } | { readonly kind: "failed"; readonly cause: unknown }) => void;
  /** What came behind the body. */
  trailers: HeaderLines | undefined;
  #appetite: number;
  #ended = 0;

  constructor(appetite = Number.POSITIVE_INFINITY) {
    const { promise, resolve } = Promise.withResolvers<Awaited<RecordingSink["over"]>>();
    this.over = promise;
    this.#settle = resolve;
    this.#appetite = appetite;
  }

  get text(): string {
    return textOf(Buffer.concat(this.chunks));
  }

  get byteCount(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  }

  /** How often the stream said it was over: more than once is a broken producer. */
  get endings(): number {
    return this.#ended;
  }

  feed(appetite: number, flow: Flow): void {
    this.#appetite = appetite;
    flow.resume();
  }

  write(chunk: Uint8Array): boolean {
    this.chunks.push(chunk);
    this.#appetite -= 1;
    return this.#appetite > 0;
  }

  end(trailers?: HeaderLines): void {
    this.#ended += 1;
    this.trailers = trailers;
    this.#settle({ kind: "ended" });
  }

  fail(cause: unknown): void {
    this.#ended += 1;
    this.#settle({ kind: "failed", cause });
  }
}

/** A stream driven by hand. */
export class HandStream implements ByteStream, Flow {
  readonly declaredBytes: number | undefined;
  sink: ByteSink | undefined;
  resumed = 0;
  cancelled = false;
  discarded = false;

  constructor(declaredBytes?: number) {
    this.declaredBytes = declaredBytes;
  }

  /** Writes to whoever piped it; the answer is the reader's. */
  write(text: string): boolean {
    if (this.sink === undefined) throw new Error("nobody reads this stream");
    return this.sink.write(bytesOf(text));
  }

  pipe(sink: ByteSink): Flow {
    this.sink = sink;
    return this;
  }

  resume(): void {
    this.resumed += 1;
  }

  cancel(): void {
    this.cancelled = true;
  }

  discard(): void {
    this.discarded = true;
  }
}
