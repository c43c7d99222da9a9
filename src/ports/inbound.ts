import type { Cancel } from "../model/cancel.ts";
import type { Response } from "../model/exchange.ts";
import type { Received } from "../model/received.ts";

/** How the sending of a response went. */
export interface Sent {
  /** Bytes of the body handed to the connection. */
  readonly bytes: number;
  /** Whether all of the response was; `false`: the client left, or the body broke off and the connection was cut. */
  readonly completed: boolean;
  /** What broke it, where it was not the client's leaving. For the log only. */
  readonly cause?: unknown;
  /** It was the response's body that broke off, or had another length than promised: not the client's doing. */
  readonly bodyBroke?: true;
  /** Bytes of the request's body that arrived; absent where it had none. */
  readonly requestBytes?: number;
}

/** A response, and who wants to know when it is out. */
export interface Answer {
  readonly response: Response;
  /** Called exactly once, when nothing more of the response will be sent. Throws nothing. */
  onSent(sent: Sent): void;
}

/**
 * What an inbound adapter is handed: the whole life of one exchange. `cancel` is pulled when the client goes before its
 * response is out. The adapter sends whatever comes back; a rejection is a bug and answered `internal`.
 */
export type Handle = (received: Received, cancel: Cancel) => Promise<Answer>;
