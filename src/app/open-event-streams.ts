import type { Clock } from "../ports/clock.ts";
import type { EventStreams } from "../ports/event-streams.ts";

/** The streams of a process that are ended before their time when it ends: their clients come back, with the last id they have seen, to one that goes on. */
export class OpenEventStreams implements EventStreams {
  readonly #clock: Clock;
  readonly #open = new Set<() => void>();
  #isDraining = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Open at present. */
  get size(): number {
    return this.#open.size;
  }

  enter(end: () => void): () => void {
    this.#open.add(end);
    // it was asked for before; its client gets the head, and comes back
    if (this.#isDraining) this.#clock.after(0, () => this.#end(end));
    return () => this.#open.delete(end);
  }

  /** Ends them one after the other over this time, so that their clients do not all come back at once, and those that still come at once. */
  drain(overMs: number): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    const all = [...this.#open];
    const stepMs = overMs / Math.max(1, all.length);
    for (const [index, end] of all.entries()) {
      if (index === 0) this.#end(end);
      else this.#clock.after(index * stepMs, () => this.#end(end));
    }
  }

  #end(end: () => void): void {
    if (this.#open.delete(end)) end();
  }
}
