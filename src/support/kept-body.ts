import type { ByteSink, ByteStream, Flow } from "../model/byte-stream.ts";

/**
 * A body that outlives an attempt to send it: giving it up is only noted as long as another attempt may come, unless bytes of
 * it were asked for. Whoever made it says by `settle` that no other attempt will come. Costs nothing per chunk.
 */
export class KeptBody implements ByteStream {
  readonly #source: ByteStream;
  #begun = false;
  #settled = false;
  #unwanted: { readonly cause: unknown } | undefined;

  constructor(source: ByteStream) {
    this.#source = source;
  }

  get declaredBytes(): number | undefined {
    return this.#source.declaredBytes;
  }

  /** Whether its bytes flow, or flowed: it cannot be sent again. */
  get begun(): boolean {
    return this.#begun;
  }

  pipe(sink: ByteSink): Flow {
    this.#begun = true;
    return this.#source.pipe(sink);
  }

  discard(cause?: unknown): void {
    if (this.#settled || this.#begun) this.#source.discard(cause);
    else this.#unwanted = { cause };
  }

  /** The last attempt was made: what it gave up is given up. */
  settle(): void {
    this.#settled = true;
    if (this.#unwanted !== undefined && !this.#begun) this.#source.discard(this.#unwanted.cause);
    this.#unwanted = undefined;
  }
}
