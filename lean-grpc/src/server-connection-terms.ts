import type { Timers } from "./calls.ts";
import type { RequestRoom } from "./request-room.ts";
import type { ServerStream } from "./server-stream.ts";

/** What a server takes: of calls, on one connection; of memory, on all. */
export interface ServerLimits {
  /** Calls at once; further ones are refused unseen. */
  readonly maxStreams: number;
  /** Encoded size of one message. */
  readonly maxMessageBytes: number;
  /**
   * Memory of requests that are not whole or whose caller is not known yet, over all connections; beyond: RESOURCE_EXHAUSTED. Strangers may have a
   * quarter of it. Default 64 MiB, or four messages of the largest size where that is more.
   */
  readonly maxUnfinishedBytes?: number;
  /** Longest time from a call's headers until it is whole and its caller known; beyond, or when its own time ends earlier: DEADLINE_EXCEEDED. Default 10 s. */
  readonly arrivalMs?: number;
}

/** What a connection begins with. */
export interface ConnectionTerms {
  readonly limits: ServerLimits;
  readonly timers: Timers;
  /** Shared by the connections of a server. */
  readonly room: RequestRoom;
}

/** What happens on a connection. */
export interface ServerEvents {
  /** The headers of a call: it is to be admitted, at once or later, or ended. Nothing of its message is here. */
  onOpened(stream: ServerStream): void;
  /** A whole message of one call that was admitted. */
  onCall(stream: ServerStream, message: Buffer): void;
  onClosed(): void;
  /** What a listener of a call threw. */
  onFault(thrown: unknown): void;
}
