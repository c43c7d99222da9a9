import { status, type ChannelInterface as Channel, type Metadata, type StatusObject } from "@grpc/grpc-js";
import { readStatus, type CallStatus } from "./status-to-failure.ts";

/** One server-streaming call to be made. It has no deadline: it lasts as long as both sides and the connection do. */
export interface StreamRequest {
  readonly method: string;
  readonly message: Buffer;
  readonly metadata: Metadata;
}

/** What a stream tells. Nothing is told before the call that opened it returned, nothing after `onEnd`, nothing after it was given up. */
export interface StreamListeners {
  /** The service took the call; a service that never writes says this or nothing. */
  readonly onHeaders?: () => void;
  /** One message, as it came. The next is read once this returned: a fast service is slowed by the connection, not kept in memory. */
  readonly onMessage: (bytes: Buffer) => void;
  /** Once. OK (0) where the service ended it; a message that is too large or cannot be unpacked ends it too. */
  readonly onEnd: (status: CallStatus) => void;
}

/**
 * Makes a server-streaming call straight on the channel: bytes out, bytes in. A message may have as many bytes as the channel takes.
 * Returns the function that gives up: the peer is told, and no listener is called any more.
 */
export function streamCall(
  channel: Channel,
  { method, message, metadata }: StreamRequest,
  { onHeaders, onMessage, onEnd }: StreamListeners,
): () => void {
  const call = channel.createCall(method, Number.POSITIVE_INFINITY, null, null, null);
  let over = false;
  const giveUp = (): void => {
    if (over) return;
    over = true;
    call.cancelWithStatus(status.CANCELLED, "no longer wanted");
  };
  call.start(metadata, {
    onReceiveMetadata: () => {
      if (!over) onHeaders?.();
    },
    onReceiveMessage: (received: Buffer) => {
      if (over) return;
      onMessage(received);
      // the listener may have given it up
      if (!over) call.startRead();
    },
    onReceiveStatus: (received: StatusObject) => {
      if (over) return;
      over = true;
      onEnd(readStatus(received));
    },
  });
  call.startRead();
  call.sendMessageWithContext({}, message);
  call.halfClose();
  return giveUp;
}
