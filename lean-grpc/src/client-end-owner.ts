import type { Timers } from "./calls.ts";
import type { FrameHead } from "./frame.ts";
import type { Field } from "./hpack-table.ts";
import type { KeepalivePace } from "./keepalive.ts";
import type { SendingStream } from "./send-queue.ts";

/** What we let the peer send on one stream before we say more, and on all of them, bytes. */
export interface ReceiveWindows {
  readonly streamBytes: number;
  readonly connectionBytes: number;
}

/** What a client's end begins with. */
export interface ClientEndTerms {
  readonly windows: ReceiveWindows;
  readonly timers: Timers;
  readonly pace: KeepalivePace;
  /** Largest list of fields that is taken, bytes: names, values, and 32 for each. */
  readonly maxFieldsBytes: number;
  /** Who is at the other end, in reasons: "peer", "upstream". */
  readonly peerName: string;
}

/** Whose streams they are. What comes is told here; only `onBytes` may throw, and only an `Http2Violation`. */
export interface ClientEndOwner<Stream extends SendingStream> {
  /** Whether a peer that is silent should be asked for a sign of life soon. */
  isBusy(): boolean;
  /** The server's first settings are here: it speaks HTTP/2. */
  onReady(): void;
  /** Something was read. */
  onRead?(): void;
  /** The peer has new settings: there may be room for a stream where there was none. */
  onRoom(): void;
  /** No new streams: GOAWAY, or ids are used up. Those under way go on. */
  onDraining(): void;
  /** Response headers, or trailers. */
  onFields(stream: Stream, fields: readonly Field[], endsStream: boolean): void;
  /** A view on what was read, to be used or copied at once. `frame`: the DATA frame it came in; all of its payload counts for the windows. */
  onBytes(stream: Stream, bytes: Buffer, frame: FrameHead): void;
  /** A stream is over and forgotten, whatever the reason, unless the connection ended under it. */
  onOver(stream: Stream): void;
  /** The peer gave a stream up; behind `onOver`. */
  onReset(stream: Stream, code: number): void;
  /** The connection ended under a stream. `unseen`: the peer cannot have acted on it. `reason`: a fragment for the log. */
  onGone(stream: Stream, unseen: boolean, reason: string): void;
  /** It is over, once; streams that were under way are told behind this. `error`: what the socket said. */
  onClosed(reason: string, error?: NodeJS.ErrnoException): void;
}
