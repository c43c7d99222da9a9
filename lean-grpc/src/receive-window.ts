import { FRAME, numberFrame } from "./frame.ts";
import type { Outbox } from "./outbox.ts";

/** What a peer may send on a connection, all streams together: given back as it is read, by halves. What is held is bounded elsewhere. */
export class ReceiveWindow {
  readonly #outbox: Outbox;
  readonly #bytes: number;
  #unacknowledged = 0;

  constructor(outbox: Outbox, bytes: number) {
    this.#outbox = outbox;
    this.#bytes = bytes;
  }

  /** Of a DATA frame, padding included. */
  received(bytes: number): void {
    this.#unacknowledged += bytes;
    if (this.#unacknowledged <= this.#bytes / 2) return;
    this.#outbox.append(numberFrame(FRAME.WINDOW_UPDATE, 0, this.#unacknowledged));
    this.#unacknowledged = 0;
  }
}
