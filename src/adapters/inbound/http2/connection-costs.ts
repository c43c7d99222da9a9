import type { Socket } from "node:net";
import { Budget } from "./budget.ts";

/** Streams that may end before their response is whole, whoever ends them: rapid resets, and frames that make us reset (MadeYouReset). */
export const RESETS = { burst: 200, perSecond: 33 };

/** PING and SETTINGS frames, each of which asks for an answer. Clients that measure how fast they are sent to ping with every answer. */
const ASKS = { burst: 1_000, perSecond: 1_000 };

/** Bytes that carry neither a request nor any of its body: frames of no effect, empty ones, padding. */
const OVERHEAD_BYTES = { burst: 256 * 1024, perSecond: 64 * 1024 };

/** More than this between two looks makes a connection one to look at soon again. */
const BUSY_BYTES = 16 * 1024;

/** What frames and flow control cost beside each request, at most. */
const PER_REQUEST_BYTES = 512;

/** What they cost beside each piece of a body: it may be a message of some bytes. */
const PER_PIECE_BYTES = 32;

/** What a connection costs beyond the requests it brings. Each method says whether that is still within bounds. */
export class ConnectionCosts {
  readonly #socket: Socket;
  readonly #resets: Budget;
  readonly #asks: Budget;
  readonly #overhead: Budget;
  #usefulBytes = 0;
  /** When it was looked last; negative where requests cost less than is allowed for. */
  #overheadBytes = 0;
  #grownBytes = 0;

  constructor(socket: Socket, nowMs: number) {
    this.#socket = socket;
    this.#resets = new Budget(RESETS, nowMs);
    this.#asks = new Budget(ASKS, nowMs);
    this.#overhead = new Budget(OVERHEAD_BYTES, nowMs);
  }

  /** A piece of a body arrived. */
  piece(bytes: number): void {
    this.#usefulBytes += bytes + PER_PIECE_BYTES;
  }

  /** A request arrived, with a header block of that many characters. */
  request(characters: number): void {
    this.#usefulBytes += characters + PER_REQUEST_BYTES;
  }

  reset(nowMs: number): boolean {
    return this.#resets.spend(1, nowMs);
  }

  ask(nowMs: number): boolean {
    return this.#asks.spend(1, nowMs);
  }

  /** Whether what arrived between the last two looks was more than calm clients send beside their requests. */
  get isBusy(): boolean {
    return this.#grownBytes > BUSY_BYTES;
  }

  /** Looks at what arrived; `heldBytes` of bodies nobody took yet. Who is sent much acknowledges much. */
  look(nowMs: number, heldBytes: number): boolean {
    const overheadBytes = this.#socket.bytesRead - this.#usefulBytes - heldBytes - this.#socket.bytesWritten / 2;
    // what was spared is not saved up
    this.#grownBytes = Math.max(0, overheadBytes - this.#overheadBytes);
    this.#overheadBytes = overheadBytes;
    return this.#overhead.spend(this.#grownBytes, nowMs);
  }
}
