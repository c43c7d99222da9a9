import type { Tunnel } from "../../../model/tunnel.ts";

/** The connection a call is on, as the call sees it. */
export interface Line {
  /** Reads no more until `resume`. */
  pause(): void;
  resume(): void;
  /** Closes it, at once. */
  destroy(): void;
  /** What is sent from now on is of another protocol; only behind a 101. */
  tunnel(): Tunnel;
  /** When the call has to be asked what became of it, on the monotonic clock. */
  dueAt(dueMs: number): void;
}
