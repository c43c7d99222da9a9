import { HeldBytes, MAX_HELD_BYTES } from "./held-bytes.ts";

/** Of the room of a server, the part that requests of callers nobody knows yet may have. */
const STRANGERS_PART = 1 / 4;

/** Messages of the largest size that the default has room for. */
const LARGEST_MESSAGES = 4;

/** What requests hold of a server that are not in their method's hands yet, over all its connections. */
export class RequestRoom {
  readonly all: HeldBytes;
  /** Counted in `all` too: whoever shows nothing cannot take the room of those who are known. */
  readonly strangers: HeldBytes;

  constructor(maxBytes: number) {
    this.all = new HeldBytes(maxBytes);
    this.strangers = new HeldBytes(maxBytes * STRANGERS_PART);
  }
}

/** Room of a server that is not told how much: 64 MiB, or four of its largest messages where that is more. Bytes. */
export const defaultRoomBytes = (maxMessageBytes: number): number => Math.max(MAX_HELD_BYTES, LARGEST_MESSAGES * maxMessageBytes);

/** What one request holds: a stranger's until it is told otherwise. */
export class RequestHold {
  readonly #room: RequestRoom;
  #bytes = 0;
  #isKnown = false;

  constructor(room: RequestRoom) {
    this.#room = room;
  }

  /** See `HeldBytes`. */
  take(bytes: number): boolean {
    if (!this.#room.all.take(bytes)) return false;
    if (!this.#isKnown && !this.#room.strangers.take(bytes)) {
      this.#room.all.give(bytes);
      return false;
    }
    this.#bytes += bytes;
    return true;
  }

  /** See `HeldBytes`. */
  give(bytes: number): void {
    this.#bytes -= bytes;
    this.#room.all.give(bytes);
    if (!this.#isKnown) this.#room.strangers.give(bytes);
  }

  /** The caller is no stranger any more. */
  known(): void {
    if (this.#isKnown) return;
    this.#isKnown = true;
    this.#room.strangers.give(this.#bytes);
  }
}
