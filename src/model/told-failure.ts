import type { HeaderLines } from "./header-lines.ts";

/** Words of a protocol for a body that breaks off: trailers, or bytes behind which the body ends. */
export type LastWords = HeaderLines | Uint8Array;

/**
 * A body that breaks off where its protocol has words for that: its reader learns why. Whoever has no place for trailers cuts it as any
 * broken one, as does who has promised another length. A `cause` for `ByteSink.fail`.
 */
export class ToldFailure {
  readonly words: LastWords;
  /** For the log. */
  readonly cause: unknown;

  constructor(words: LastWords, cause: unknown) {
    this.words = words;
    this.cause = cause;
  }
}
