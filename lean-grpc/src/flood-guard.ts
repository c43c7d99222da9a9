import type { Timers } from "./calls.ts";
import { FRAME, H2_ERROR, Http2Violation, type FrameHead } from "./frame.ts";

/** Frames that bring nothing, and streams given up, that a peer may send within the time, whatever else it does. */
const MAX_IN_WINDOW = 10_000;

/** Milliseconds. */
const WINDOW_MS = 10_000;

/** Such frames that a finished call may come with: pings to measure by, windows, a late reset; and that a DATA frame of ours is answered with. */
const FOR_EACH = { call: 8, piece: 4 } as const;

/**
 * Ends a connection whose peer makes work and brings none: floods of pings, settings, empty frames, windows, resets. A busy peer sends many
 * of these for good reasons (a ping or a window for every few messages), so what was achieved together is allowed on top.
 */
export class FloodGuard {
  readonly #timers: Timers;
  readonly #achieved: () => number;
  #sinceMs: number;
  #achievedBefore = 0;
  #count = 0;

  /** `achieved` only grows: how many such frames the work done so far may have asked for. */
  constructor(timers: Timers, achieved: () => number) {
    this.#timers = timers;
    this.#achieved = achieved;
    this.#sinceMs = timers.nowMs();
  }

  /** Counts one received frame; throws `Http2Violation` where there were too many. Whether HEADERS and DATA bring something, their reader tells. */
  count({ type }: FrameHead): void {
    if (type !== FRAME.HEADERS && type !== FRAME.DATA) this.nothing();
  }

  /** A frame that brought nothing. Throws as `count` does. */
  nothing(): void {
    this.#count += 1;
    if (this.#count <= MAX_IN_WINDOW) return;
    const nowMs = this.#timers.nowMs();
    const achieved = this.#achieved();
    if (nowMs - this.#sinceMs < WINDOW_MS) {
      if (this.#count <= MAX_IN_WINDOW + achieved - this.#achievedBefore) return;
      throw new Http2Violation(H2_ERROR.ENHANCE_YOUR_CALM, `${this.#count} frames that bring nothing`);
    }
    this.#sinceMs = nowMs;
    this.#achievedBefore = achieved;
    this.#count = 0;
  }
}

/** What finished calls and DATA frames of ours allow a peer. */
export const achievement = (calls: number, pieces: number): number => calls * FOR_EACH.call + pieces * FOR_EACH.piece;
