import type { StreamEvents, StreamRequest } from "./client-stream.ts";

/** Requests that wait for a stream; whoever asks has a lower bound of his own. */
const MAX_WAITING = 65_536;

/** Begins a request; returns the function that gives it up. */
export type Begin = (request: StreamRequest, events: StreamEvents) => () => void;

/** Requests that wait until the peer takes another stream, first come, first served. */
export class WaitingRequests {
  readonly #waiting = new Set<Waiting>();

  get count(): number {
    return this.#waiting.size;
  }

  /** Returns the function that gives it up, wherever it has got to by then. */
  add(request: StreamRequest, events: StreamEvents): () => void {
    if (this.#waiting.size >= MAX_WAITING) return goneAtOnce(events);
    const waiting: Waiting = { request, events, cancel: () => this.#waiting.delete(waiting) };
    this.#waiting.add(waiting);
    return () => waiting.cancel();
  }

  /** Lets in whoever there is room for. */
  admit(hasRoom: () => boolean, begin: Begin): void {
    for (const waiting of this.#waiting) {
      if (!hasRoom()) return;
      this.#waiting.delete(waiting);
      waiting.cancel = begin(waiting.request, waiting.events);
    }
  }

  /** Nobody is let in any more: the peer saw none of them. */
  drop(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { events } of waiting) events.onGone(true);
  }
}

/** A request that is not taken: its end is told once whoever asked can listen. */
export function goneAtOnce(events: StreamEvents): () => void {
  let isWanted = true;
  queueMicrotask(() => {
    if (isWanted) events.onGone(true);
  });
  return () => {
    isWanted = false;
  };
}

interface Waiting {
  readonly request: StreamRequest;
  readonly events: StreamEvents;
  cancel: () => void;
}
