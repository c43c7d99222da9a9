import { FRAME, H2_ERROR, Http2Violation, type FrameHead } from "./frame.ts";

/** Frames that bring nothing, and streams given up, that a peer may send within the time. Ordinary peers stay far below. */
const MAX_IN_WINDOW = 10_000;

/** Milliseconds. */
const WINDOW_MS = 10_000;

/** Ends a connection whose peer makes work and brings none: floods of pings, settings, empty frames, windows, resets. */
export class FloodGuard {
  readonly #nowMs: () => number;
  #sinceMs: number;
  #count = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#sinceMs = nowMs();
  }

  /** Counts one received frame; throws `Http2Violation` where there were too many. */
  count({ type, payloadBytes }: FrameHead): void {
    if (type === FRAME.HEADERS || (type === FRAME.DATA && payloadBytes > 0)) return;
    this.#count += 1;
    if (this.#count <= MAX_IN_WINDOW) return;
    const nowMs = this.#nowMs();
    if (nowMs - this.#sinceMs < WINDOW_MS)
      throw new Http2Violation(H2_ERROR.ENHANCE_YOUR_CALM, `${this.#count} frames that bring nothing`);
    this.#sinceMs = nowMs;
    this.#count = 0;
  }
}
