import type { CallStatus } from "./grpc-status.ts";
import type { Field } from "./hpack-table.ts";

/** How a call of one message and one answer ended. */
export type CallOutcome =
  /** Status OK and exactly one message, as it came. */
  | { readonly kind: "reply"; readonly bytes: Buffer }
  | { readonly kind: "status"; readonly status: CallStatus }
  /** Status OK without a message, or more than one message. */
  | { readonly kind: "malformed"; readonly detail: string };

/** One call. */
export interface CallRequest {
  /** Its path on the wire: `/package.Service/Method`. */
  readonly method: string;
  readonly message: Uint8Array;
  /** Sent with it, names in lower case. One list for as long as nothing in it changes: it is compared by identity. */
  readonly metadata: readonly Field[];
  /** Sent with this call alone: nothing of it is remembered. Left out: nothing. */
  readonly own?: readonly Field[];
}

/** What a call tells. Nothing is told before the call that opened it returned, nothing after `onEnd`, nothing after it was given up. */
export interface StreamListeners {
  /** The service took the call. */
  readonly onHeaders?: () => void;
  /** One message: a view on what was read, to be used or copied at once. */
  readonly onMessage: (bytes: Buffer) => void;
  /** Once. */
  readonly onEnd: (status: CallStatus) => void;
}

/** The monotonic clock and its timers, milliseconds. */
export interface Timers {
  nowMs(): number;
  /** Runs `work` once, later; the returned function takes it back. */
  after(delayMs: number, work: () => void): () => void;
}
