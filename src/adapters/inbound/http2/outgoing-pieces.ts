import type { ServerHttp2Stream } from "node:http2";

/** Bytes of a response that may wait for a stream's window before more is asked for. */
const ROOM_BYTES = 64 * 1024;

/** Most that is handed over at once: so much of it is taken at least before the client is seen to take anything. */
const PIECE_BYTES = 64 * 1024;

/** Slower than this a client does not take its response for long. */
const MIN_BYTES_PER_SECOND = 1024;

/** The bytes of one response on their way into its stream: handed over in pieces, so that it shows when the client takes none. */
export class OutgoingPieces {
  readonly #stream: ServerHttp2Stream;
  readonly #nowMs: () => number;
  readonly #onRoom: () => void;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #handedBytes = 0;
  #handedMs = 0;
  #wanted = false;
  #isHeld = false;
  #onEnd: (() => void) | undefined;

  /** `onRoom`: after `put` asked to wait. */
  constructor(stream: ServerHttp2Stream, nowMs: () => number, onRoom: () => void) {
    this.#stream = stream;
    this.#nowMs = nowMs;
    this.#onRoom = onRoom;
  }

  /** Whether more may follow at once. */
  put(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.byteLength; at += PIECE_BYTES) this.#waiting.push(chunk.subarray(at, at + PIECE_BYTES));
    this.#waitingBytes += chunk.byteLength;
    if (this.#handedBytes === 0) this.#hand();
    this.#wanted = this.#waitingBytes + this.#handedBytes >= ROOM_BYTES;
    return !this.#wanted;
  }

  /** Nothing more comes; `onOut` when all was taken. */
  end(onOut: () => void): void {
    this.#onEnd = onOut;
    if (this.#waitingBytes === 0) this.#finish();
  }

  /** Does not end before `release`, whatever was put. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    if (this.#waitingBytes + this.#handedBytes === 0) this.#finish();
  }

  /** Whether the client took nothing of what was handed over, for longer than the slowest may. */
  isStalled(nowMs: number, idleMs: number): boolean {
    return this.#handedBytes > 0 && nowMs - this.#handedMs > idleMs + (this.#handedBytes / MIN_BYTES_PER_SECOND) * 1000;
  }

  #hand(): void {
    const pieces: Uint8Array[] = [];
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#handedBytes > 0 && this.#handedBytes + next.byteLength > PIECE_BYTES) break;
      this.#waiting.shift();
      pieces.push(next);
      this.#handedBytes += next.byteLength;
    }
    const last = pieces.pop();
    if (last === undefined) return;
    this.#waitingBytes -= this.#handedBytes;
    this.#handedMs = this.#nowMs();
    // as one write
    this.#stream.cork();
    for (const piece of pieces) this.#stream.write(piece);
    this.#stream.write(last, (error) => {
      if (error === null || error === undefined) this.#onTaken();
    });
    this.#stream.uncork();
  }

  #onTaken(): void {
    this.#handedBytes = 0;
    this.#hand();
    if (this.#waitingBytes === 0 && this.#onEnd !== undefined) this.#finish();
    if (!this.#wanted || this.#waitingBytes + this.#handedBytes >= ROOM_BYTES) return;
    this.#wanted = false;
    this.#onRoom();
  }

  // in the turn of the last piece: its frame then says that it is the last
  #finish(): void {
    const onOut = this.#onEnd;
    if (onOut === undefined || this.#isHeld) return;
    this.#onEnd = undefined;
    if (this.#stream.destroyed) return;
    if (this.#stream.writableFinished) return onOut();
    this.#stream.once("finish", onOut);
    this.#stream.end();
  }
}
