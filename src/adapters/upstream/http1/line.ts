/** The connection a call is on, as the call sees it. */
export interface Line {
  /** Reads no more until `resume`. */
  pause(): void;
  resume(): void;
  /** Closes it, at once. */
  destroy(): void;
  /** When the call has to be asked what became of it, on the monotonic clock. */
  dueAt(dueMs: number): void;
}
