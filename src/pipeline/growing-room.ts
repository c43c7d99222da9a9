import type { HeldRoom } from "./held-room.ts";

/** Room that a body begins with. */
const FIRST_BYTES = 64 * 1024;

/**
 * Room for one body that is being read (C24). It grows with what has arrived, in doubling steps: a client that sends slowly takes no more
 * of the process's room than about twice what it sent, whatever it announces, so that few such clients cannot keep others out.
 */
export class GrowingRoom {
  readonly #room: HeldRoom;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(room: HeldRoom, maxBytes: number) {
    this.#room = room;
    this.#maxBytes = maxBytes;
  }

  /** Room to begin reading with; false, and nothing is taken, when there is none, or less than the body announces. */
  begin(declaredBytes: number | undefined): boolean {
    if (!this.reach(declaredBytes ?? Math.min(FIRST_BYTES, this.#maxBytes))) return false;
    this.shrink(FIRST_BYTES);
    return true;
  }

  /** Makes room for that many bytes in all; false when there is none. What was taken before stays. */
  reach(bytes: number): boolean {
    if (bytes <= this.#bytes) return true;
    return this.#growTo(Math.min(Math.max(bytes, 2 * this.#bytes), this.#maxBytes)) || this.#growTo(bytes);
  }

  /** Gives back what is above that many bytes. */
  shrink(bytes: number): void {
    const surplus = Math.max(0, this.#bytes - bytes);
    this.#bytes -= surplus;
    this.#room.give(surplus);
  }

  #growTo(bytes: number): boolean {
    if (!this.#room.take(bytes - this.#bytes)) return false;
    this.#bytes = bytes;
    return true;
  }
}
