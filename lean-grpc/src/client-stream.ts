import type { Timers } from "./calls.ts";
import type { ReceiveWindows } from "./client-end-owner.ts";
import type { Field } from "./hpack-table.ts";
import type { KeepalivePace } from "./keepalive.ts";

/** What happens on one stream. None is called before `open` returned, and nothing after `onGone` or an end. */
export interface StreamEvents {
  /** Response headers, or trailers. */
  onHeaders(fields: readonly Field[], endsStream: boolean): void;
  /** A view on what was read: to be used or copied at once. */
  onBytes(bytes: Buffer, endsStream: boolean): void;
  /** The peer gave the stream up. */
  onReset(code: number): void;
  /** The connection ended under it. `unseen`: the peer cannot have acted on it. */
  onGone(unseen: boolean): void;
}

/** One request. Fields are text with one character a byte, pseudo-headers first. */
export interface StreamRequest {
  /** Alike for many requests, compared by identity. */
  readonly fixed: readonly Field[];
  readonly changing: readonly Field[];
  /** Not empty. Must not change any more. */
  readonly body: Buffer;
  /** Somebody waits for its end: a peer that is silent meanwhile is asked for a sign of life early. */
  readonly isAwaited: boolean;
}

/** What happens to a connection. */
export interface ConnectionEvents {
  /** The server's settings are here: it speaks HTTP/2. */
  onReady(): void;
  /** It takes no new streams: GOAWAY, or ids are used up. Those under way go on. */
  onDraining(): void;
  /** It is over; every stream was told. `reason` is a fragment for the log, `error` what the socket said. */
  onClosed(reason: string, error?: Error): void;
}

/** What a connection begins with. */
export interface ConnectionTerms {
  readonly windows: ReceiveWindows;
  readonly timers: Timers;
  readonly pace: KeepalivePace;
}
