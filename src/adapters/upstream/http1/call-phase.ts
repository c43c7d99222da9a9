import type { UpstreamTimeouts } from "../endpoint-client.ts";

/**
 * `queued`: no byte is written. `sending`: the request's body flows, or waits for the connection. `awaiting`: the head is due.
 * `receiving`: the response's body flows, whatever is left of the request's. `changed`: the connection has another protocol, and whoever
 * uses it watches over it.
 */
export type Phase = "queued" | "sending" | "awaiting" | "receiving" | "changed" | "over";

/** When a phase has taken too long, on the monotonic clock. `sinceMs`: when it began, or when a byte last came or went. */
export function phaseDueMs(phase: Phase, sinceMs: number, { connectMs, firstByteMs, idleMs }: UpstreamTimeouts): number {
  switch (phase) {
    case "queued":
      return sinceMs + connectMs;
    case "awaiting":
      return sinceMs + firstByteMs;
    case "sending":
    case "receiving":
      return sinceMs + idleMs;
    case "changed":
    case "over":
      return Number.POSITIVE_INFINITY;
    default:
      return phase satisfies never;
  }
}
