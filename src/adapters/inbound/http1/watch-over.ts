import type { Clock } from "../../../ports/clock.ts";

/** Something that must have happened by a time. */
export interface Awaited {
  /** On the monotonic clock; Infinity: nothing is awaited. */
  readonly dueMs: number;
  onDue(): void;
}

/**
 * One timer for all connections of a listener: it looks at each of them now and then. A deadline is thus met late by as much as the time
 * between two looks, and putting it off costs an assignment.
 */
export class WatchOver {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #all = new Set<Awaited>();
  #stop: (() => void) | undefined;

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  add(awaited: Awaited): void {
    this.#all.add(awaited);
    this.#stop ??= this.#clock.after(this.#everyMs, this.#look);
  }

  delete(awaited: Awaited): void {
    this.#all.delete(awaited);
  }

  /** Nothing is looked at any more. */
  close(): void {
    this.#all.clear();
    this.#stop?.();
    this.#stop = undefined;
  }

  readonly #look = (): void => {
    const nowMs = this.#clock.nowMs();
    for (const awaited of this.#all) if (nowMs >= awaited.dueMs) awaited.onDue();
    this.#stop = this.#all.size === 0 ? undefined : this.#clock.after(this.#everyMs, this.#look);
  };
}
