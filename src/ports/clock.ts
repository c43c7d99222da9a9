/** Time as the core sees it. Durations are measured on the monotonic clock, tokens and log times on the wall clock (R25). */
export interface Clock {
  /** Monotonic, milliseconds, fractional. */
  nowMs(): number;
  /** Milliseconds since the epoch. */
  wallMs(): number;
  /** Runs `task` once after `delayMs`; returns the function that takes it back. Does not keep the process alive. */
  after(delayMs: number, task: () => void): () => void;
}
