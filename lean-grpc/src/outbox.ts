import type { Writable } from "node:stream";

/** Frames up to this size are gathered; larger ones are written as they are. */
const GATHER_BYTES = 4 * 1024;

/** Size of the memory frames are gathered in. */
const SLAB_BYTES = 64 * 1024;

/** Messages wait for a peer that has not read so much; the socket tells when it has. */
const FULL_BYTES = 1024 * 1024;

/**
 * Gathers the frames of one turn of the event loop into one write: a write costs more than everything else about a small frame (42 % of a
 * proxy's time, measured). Unbounded by itself; what is in it is bounded by the peer's windows and by whoever appends.
 */
export class Outbox {
  readonly #socket: Writable;
  readonly #flushDue = (): void => {
    if (this.#isDue) this.flush();
  };
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #start = 0;
  #end = 0;
  #isDue = false;
  #isCorked = false;
  #isClosed = false;

  constructor(socket: Writable) {
    this.#socket = socket;
  }

  /** The peer reads too slowly for more messages, whatever its windows say. The socket's `drain` tells the end of it. */
  get isFull(): boolean {
    return this.#socket.writableLength > FULL_BYTES;
  }

  /** A place for `bytes` bytes, at most 4 KiB, which leave with this turn; the caller fills all of them at once. */
  reserve(bytes: number): Buffer {
    if (this.#end + bytes > SLAB_BYTES) this.#nextSlab();
    const place = this.#slab.subarray(this.#end, this.#end + bytes);
    this.#end += bytes;
    this.#makeDue();
    return place;
  }

  /** Leaves with this turn, behind what was appended before. Must not change any more. */
  append(bytes: Buffer): void {
    if (bytes.length <= GATHER_BYTES) {
      bytes.copy(this.reserve(bytes.length));
      return;
    }
    if (this.#isClosed) return;
    if (!this.#isCorked) {
      // the head in front of it and what follows leave in the same write
      this.#isCorked = true;
      this.#socket.cork();
    }
    this.#makeDue();
    this.#write();
    this.#socket.write(bytes);
  }

  /** Writes what was gathered now. */
  flush(): void {
    this.#isDue = false;
    this.#write();
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#socket.uncork();
  }

  /** Writes what was gathered, and nothing any more. */
  close(): void {
    this.flush();
    this.#isClosed = true;
  }

  // behind the reads of this turn: what several exchanges send then is one write
  #makeDue(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(this.#flushDue);
  }

  #write(): void {
    if (this.#end === this.#start) return;
    const gathered = this.#slab.subarray(this.#start, this.#end);
    this.#start = this.#end;
    if (!this.#isClosed) this.#socket.write(gathered);
  }

  #nextSlab(): void {
    this.#write();
    // the old one lives as long as the socket still writes from it
    this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.#start = 0;
    this.#end = 0;
  }
}
