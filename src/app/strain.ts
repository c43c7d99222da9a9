import type { Clock } from "../ports/clock.ts";

/** How often the process is looked at, milliseconds. */
const LOOK_EVERY_MS = 50;

/** Every so many looks the heap is looked at too: it takes some microseconds. */
const LOOKS_PER_HEAP = 4;

/** What is always let in of what comes, so that a signal that is wrong does not shut the gateway: one of twenty. */
const LEAST_SHARE = 0.05;

/** What a look that finds the loop late leaves of the share, and what one that finds it well adds to it. */
const STEP = { down: 0.7, up: 0.05 } as const;

/** Below this part of the limit the loop is well again. */
const WELL = 0.5;

/** The heap is well again when it is so far below its limit. */
const HEAP_SLACK = 0.05;

/** Where the limits are. */
export interface StrainLimits {
  readonly loopDelayMs: number;
  /** 0 to 1. */
  readonly heapShare: number;
}

/** What the strain of a process is told by. */
export interface StrainDeps {
  readonly clock: Clock;
  /** The part of its heap that is in use, 0 to 1. */
  readonly heapShare: () => number;
}

/**
 * How hard-pressed this process is (R12). A timer is looked at: how late it runs is how long everything else waits. Late twice in a row,
 * the share of requests that is let in falls by three tenths with each look, to one in twenty at least; it grows by a twentieth of the
 * whole with each look that finds the loop at less than half the limit, and stays what it is in between. One long pause sheds nothing.
 * A heap beyond its limit lets one in twenty in, until it is five hundredths below.
 */
export class Strain {
  readonly #deps: StrainDeps;
  #limits: StrainLimits;
  /** Of new requests, what is let in: 1 when all is well. */
  admitted = 1;
  /** What is wrong where `admitted` is below 1. */
  reason: "loop_delay" | "heap" = "loop_delay";
  #isHeapFull = false;
  #wasLate = false;
  #worstMs = 0;
  #looks = 0;
  #stop = (): void => {};

  constructor(limits: StrainLimits, deps: StrainDeps) {
    this.#limits = limits;
    this.#deps = deps;
    this.#lookLater();
  }

  /** A reload may change where the limits are. */
  limit(limits: StrainLimits): void {
    this.#limits = limits;
  }

  /** The longest delay since this was asked last, milliseconds. */
  takeWorstMs(): number {
    const worstMs = this.#worstMs;
    this.#worstMs = 0;
    return worstMs;
  }

  /** Looks no more. */
  stop(): void {
    this.#stop();
  }

  #lookLater(): void {
    const { clock } = this.#deps;
    const dueMs = clock.nowMs() + LOOK_EVERY_MS;
    this.#stop = clock.after(LOOK_EVERY_MS, () => {
      this.#look(Math.max(0, clock.nowMs() - dueMs));
      this.#lookLater();
    });
  }

  #look(lateMs: number): void {
    this.#worstMs = Math.max(this.#worstMs, lateMs);
    this.#looks += 1;
    if (this.#looks % LOOKS_PER_HEAP === 0) this.#lookAtHeap();
    const isLate = lateMs > this.#limits.loopDelayMs;
    if (this.#isHeapFull) this.#set(LEAST_SHARE, "heap");
    else if (isLate && this.#wasLate) this.#set(Math.max(LEAST_SHARE, this.admitted * STEP.down), "loop_delay");
    else if (lateMs < this.#limits.loopDelayMs * WELL) this.#set(Math.min(1, this.admitted + STEP.up), this.reason);
    this.#wasLate = isLate;
  }

  #lookAtHeap(): void {
    const { heapShare: most } = this.#limits;
    const used = this.#deps.heapShare();
    this.#isHeapFull = most < 1 && used > most - (this.#isHeapFull ? HEAP_SLACK : 0);
  }

  #set(admitted: number, reason: "loop_delay" | "heap"): void {
    this.admitted = admitted;
    this.reason = reason;
  }
}
