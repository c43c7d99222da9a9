import type { ByteSink, ByteStream, Flow } from "../model/byte-stream.ts";
import { ChunkPile } from "../support/chunk-pile.ts";
import type { HeldRoom } from "./held-room.ts";

/**
 * A body on its way, and a copy of it for observers and shadows (C29, C33): up to a limit and while there is room. The copy never holds up, breaks or
 * changes the flow; where it cannot be had whole there is none.
 */
export class KeptCopy implements ByteStream {
  readonly declaredBytes: number | undefined;
  readonly #source: ByteStream;
  readonly #maxBytes: number;
  readonly #room: HeldRoom;
  #pile: ChunkPile | undefined;
  #whole: Uint8Array | undefined;

  constructor(source: ByteStream, maxBytes: number, room: HeldRoom) {
    this.declaredBytes = source.declaredBytes;
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#room = room;
    this.#pile = (source.declaredBytes ?? 0) > maxBytes ? undefined : new ChunkPile();
  }

  /** The whole body; undefined before it has all gone by, and for good where it was too large, broke off or found no room. */
  get bytes(): Uint8Array | undefined {
    return this.#whole;
  }

  /** Somebody who counts it has captured the whole body, which has gone by here: that is the copy too, and needs no room of its own. Once. */
  capturedAs(bytes: Uint8Array): void {
    if (bytes.byteLength > this.#maxBytes) return;
    if (this.#whole !== undefined) this.#room.give(this.#whole.byteLength);
    this.#drop();
    this.#whole = bytes;
  }

  pipe(sink: ByteSink): Flow {
    return this.#source.pipe({
      write: (chunk) => {
        this.#keep(chunk);
        return sink.write(chunk);
      },
      end: (trailers) => {
        this.#complete();
        sink.end(trailers);
      },
      fail: (cause) => {
        this.#drop();
        sink.fail(cause);
      },
    });
  }

  discard(cause?: unknown): void {
    this.#drop();
    this.#source.discard(cause);
  }

  #keep(chunk: Uint8Array): void {
    if (this.#pile === undefined) return;
    const fits = this.#pile.byteLength + chunk.byteLength <= this.#maxBytes && this.#room.take(chunk.byteLength);
    if (!fits) return this.#drop();
    this.#pile.push(chunk);
  }

  #complete(): void {
    this.#whole = this.#pile?.whole();
    this.#pile = undefined;
  }

  #drop(): void {
    if (this.#pile === undefined) return;
    this.#room.give(this.#pile.byteLength);
    this.#pile = undefined;
  }
}
