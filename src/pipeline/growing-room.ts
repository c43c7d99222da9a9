import type { HeldRoom } from "./held-room.ts";

/** Room that a body of unknown length begins with. */
export const FIRST_ROOM_BYTES = 64 * 1024;

/**
 * Room for one body that is being read (C24). It grows with what has arrived, in doubling steps: a client that announces nothing and
 * sends slowly takes no more of the process's room than about twice what it sent, so that few such clients cannot keep others out.
 */
export class GrowingRoom {
  readonly #room: HeldRoom;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(room: HeldRoom, maxBytes: number) {
    this.#room = room;
    this.#maxBytes = maxBytes;
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
