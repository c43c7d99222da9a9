import { HeaderLines } from "./header-lines.ts";

/**
 * A body that breaks off where its protocol has words for that: whoever has a place for trailers ends it with these, and a body that says so
 * itself ends with its last words, so that its reader learns why; everybody else cuts it as any broken one. A `cause` for `ByteSink.fail`.
 */
export class ToldFailure {
  readonly trailers: HeaderLines;
  /** For the log. */
  readonly cause: unknown;
  /** The last bytes of the body, which then needs no trailers to be told from a whole one. */
  readonly words: Uint8Array | undefined;

  constructor(trailers: HeaderLines, cause: unknown, words?: Uint8Array) {
    this.trailers = trailers;
    this.cause = cause;
    this.words = words;
  }

  /** One that is told in the body itself. */
  static inWords(words: Uint8Array, cause: unknown): ToldFailure {
    return new ToldFailure(HeaderLines.EMPTY, cause, words);
  }
}
