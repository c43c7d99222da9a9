import type { Timers } from "./calls.ts";
import { STATUS } from "./grpc-status.ts";
import type { ServerStream } from "./server-stream.ts";

/** Longest time from a request's headers until it is whole and its caller known, of a server that is not told another, milliseconds. */
export const ARRIVAL_MS = 10_000;

/** Ends requests that do not arrive. Those that come whole in one read, which is the rule, cost no timer. */
export class Arrivals {
  readonly #timers: Timers;
  readonly #maxMs: number;
  #opened: ServerStream[] = [];

  constructor(timers: Timers, maxMs: number) {
    this.#timers = timers;
    this.#maxMs = maxMs;
  }

  /** The headers of a request are here. */
  opened(stream: ServerStream): void {
    this.#opened.push(stream);
  }

  /** All of what was read is used: what has not arrived with it has its time from now on. */
  settled(): void {
    if (this.#opened.length === 0) return;
    for (const stream of this.#opened) if (stream.isArriving) this.#await(stream);
    this.#opened = [];
  }

  #await(stream: ServerStream): void {
    const limitMs = Math.min(this.#maxMs, stream.timeMs ?? Number.POSITIVE_INFINITY);
    stream.awaitRest(this.#timers.after(limitMs, () => stream.end(LATE)));
  }
}

const LATE = { code: STATUS.DEADLINE_EXCEEDED, details: "the request did not arrive in time" };
