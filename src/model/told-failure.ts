import type { HeaderLines } from "./header-lines.ts";

/**
 * A body that breaks off where its protocol has words for that: whoever has a place for trailers ends it with these, so that its reader
 * learns why; everybody else cuts it as any broken one. A `cause` for `ByteSink.fail`.
 */
export class ToldFailure {
  readonly trailers: HeaderLines;
  /** For the log. */
  readonly cause: unknown;

  constructor(trailers: HeaderLines, cause: unknown) {
    this.trailers = trailers;
    this.cause = cause;
  }
}
