import type { ByteSink, ByteStream, Flow } from "../model/byte-stream.ts";
import { ChunkPile } from "../support/chunk-pile.ts";
import type { HeldRoom } from "./held-room.ts";

/**
 * A body on its way, and a copy of it for observers (C29): up to a limit and while there is room. The copy never holds up, breaks or
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

  pipe(sink: ByteSink): Flow {
    return this.#source.pipe({
      write: (chunk) => {
        this.#keep(chunk);
        return sink.write(chunk);
      },
      end: () => {
        this.#complete();
        sink.end();
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
