import type { Timers } from "./calls.ts";

/** How long an answer to a ping may take, milliseconds. */
const ANSWER_MS = 5_000;

/**
 * Silence that is borne before a ping, with calls awaited and without, milliseconds; and the most that it grows to. Servers in Go and C++ hang up
 * on whoever pings more often than every five minutes; a peer whose machine is gone the kernel notices.
 */
const SILENCE_MS = { busy: 10_000, idle: 310_000, most: 3_600_000 } as const;

/** How often a service is asked for a sign of life. Kept over its connections: one that found it too often is asked half as often. */
export class KeepalivePace {
  #times = 1;

  /** Silence that is borne with calls in flight, milliseconds. */
  get busyMs(): number {
    return Math.min(SILENCE_MS.busy * this.#times, SILENCE_MS.most);
  }

  /** The same with none. */
  get idleMs(): number {
    return Math.min(SILENCE_MS.idle * this.#times, SILENCE_MS.most);
  }

  /** Whether it was found too often. */
  get isSlowed(): boolean {
    return this.#times > 1;
  }

  /** The peer said ENHANCE_YOUR_CALM. */
  slowDown(): void {
    if (this.busyMs < SILENCE_MS.most) this.#times *= 2;
  }
}

/** What a keepalive needs of its connection. */
export interface KeptAlive {
  readonly isBusy: () => boolean;
  readonly ping: () => void;
  /** The peer is gone without a word. */
  readonly onSilence: () => void;
}

/** Notices that the peer of one connection is gone without having hung up. One timer at a time; whatever is read is a sign of life. */
export class Keepalive {
  readonly #timers: Timers;
  readonly #pace: KeepalivePace;
  readonly #kept: KeptAlive;
  #heardAtMs: number;
  #busySinceMs: number;
  #askedAtMs: number;
  /** Something was read since the last ping. */
  #isAnswered = true;
  #forgetTimer = (): void => {};

  /** Nothing is asked before `start`. */
  constructor(timers: Timers, pace: KeepalivePace, kept: KeptAlive) {
    this.#timers = timers;
    this.#pace = pace;
    this.#kept = kept;
    this.#heardAtMs = timers.nowMs();
    this.#busySinceMs = this.#heardAtMs;
    this.#askedAtMs = pace.isSlowed ? this.#heardAtMs : Number.NEGATIVE_INFINITY;
  }

  /** When something was last read, monotonic, milliseconds. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  start(): void {
    this.#wait();
  }

  stop(): void {
    this.#forgetTimer();
  }

  /** Something was read. */
  heard(): void {
    this.#heardAtMs = this.#timers.nowMs();
    this.#isAnswered = true;
  }

  /** Asks out of turn; `false`: it was asked too lately, and is not. What becomes of the answer is the caller's to watch. */
  askNow(): boolean {
    if (this.#timers.nowMs() - this.#askedAtMs < this.#pace.idleMs) return false;
    this.#ping();
    return true;
  }

  /** The first call is in flight where there was none. */
  busy(): void {
    this.#busySinceMs = this.#timers.nowMs();
  }

  #wait(): void {
    const { busyMs, idleMs } = this.#pace;
    const dueAtMs = this.#kept.isBusy() ? Math.max(this.#heardAtMs, this.#busySinceMs) + busyMs : this.#heardAtMs + idleMs;
    const waitMs = dueAtMs - this.#timers.nowMs();
    if (waitMs <= 0) return this.#ask();
    // a call may begin in the meantime, and starts no timer
    this.#forgetTimer = this.#timers.after(Math.min(waitMs, busyMs), () => this.#wait());
  }

  #ask(): void {
    this.#isAnswered = false;
    this.#ping();
    this.#forgetTimer = this.#timers.after(ANSWER_MS, () => {
      if (this.#isAnswered) this.#wait();
      else this.#kept.onSilence();
    });
  }

  #ping(): void {
    this.#askedAtMs = this.#timers.nowMs();
    this.#kept.ping();
  }
}
