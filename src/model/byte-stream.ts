import type { HeaderLines } from "./header-lines.ts";

/** Takes bytes as they come. Calls stop after `end` or `fail`. */
export interface ByteSink {
  /** `false` asks the flow to stop until its `resume()` is called. */
  write(chunk: Uint8Array): boolean;
  /** The stream is complete. `trailers`: fields that came behind it, already filtered by the header rules (C26); whoever has no place for them drops them. */
  end(trailers?: HeaderLines): void;
  /** The stream broke; what was written is not all. */
  fail(cause: unknown): void;
}

/** A running stream, seen from its consumer. */
export interface Flow {
  /** Goes on after `write` returned false. */
  resume(): void;
  /** Gives up: the producer releases what it holds, and no further call reaches the sink. */
  cancel(cause?: unknown): void;
}

/** Bytes that flow once, to one consumer, with backpressure both ways. Nothing is read before `pipe`. */
export interface ByteStream {
  /** Length in bytes when known beforehand. */
  readonly declaredBytes: number | undefined;
  /** Starts the flow; at most once. May call the sink before it returns. */
  pipe(sink: ByteSink): Flow;
  /** Never to be piped: releases the producer. Harmless after `pipe` ended. */
  discard(cause?: unknown): void;
}

/** A message body: none, all at hand, or still flowing. */
export type Body = undefined | Uint8Array | ByteStream;

/** Whether the body is still flowing. */
export const isStream = (body: Body): body is ByteStream => body !== undefined && !(body instanceof Uint8Array);
