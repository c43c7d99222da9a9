import { status, type ChannelInterface as Channel, type Metadata, type StatusObject } from "@grpc/grpc-js";
import { readStatus, type CallStatus } from "./status-to-failure.ts";

/** How one call ended. */
export type CallOutcome =
  /** Status OK and exactly one message, as it came. */
  | { readonly kind: "reply"; readonly bytes: Buffer }
  | { readonly kind: "status"; readonly status: CallStatus }
  /** Status OK without a message, or more than one message. */
  | { readonly kind: "malformed"; readonly detail: string };

/** One call to be made. */
export interface CallRequest {
  readonly method: string;
  readonly message: Buffer;
  readonly metadata: Metadata;
  /** Wall clock, epoch milliseconds: what the peer is told, and the library's own limit. */
  readonly deadlineMs: number;
}

/**
 * Makes a unary call straight on the channel: bytes out, bytes in, no interceptors of the library's, no stack trace per call. `done` is
 * called once, never before this returns. Returns the function that gives up: the peer is told, and `done` is not called any more.
 */
export function unaryCall(
  channel: Channel,
  { method, message, metadata, deadlineMs }: CallRequest,
  done: (outcome: CallOutcome) => void,
): () => void {
  const call = channel.createCall(method, deadlineMs, null, null, null);
  let reply: Buffer | undefined;
  let over = false;
  const end = (outcome: CallOutcome): void => {
    if (over) return;
    over = true;
    done(outcome);
  };
  call.start(metadata, {
    onReceiveMetadata: () => {},
    onReceiveMessage: (received: Buffer) => {
      if (reply !== undefined) {
        end({ kind: "malformed", detail: "more than one message" });
        return call.cancelWithStatus(status.CANCELLED, "more than one message");
      }
      reply = received;
      // a second message must not stay unread: the status behind it would never come
      call.startRead();
    },
    onReceiveStatus: (received: StatusObject) => {
      if (received.code !== status.OK) return end({ kind: "status", status: readStatus(received) });
      end(reply === undefined ? { kind: "malformed", detail: "no message" } : { kind: "reply", bytes: reply });
    },
  });
  call.startRead();
  call.sendMessageWithContext({}, message);
  call.halfClose();
  return () => {
    if (over) return;
    over = true;
    call.cancelWithStatus(status.CANCELLED, "no longer wanted");
  };
}
