import type { ByteSink, ByteStream, Flow } from "../model/byte-stream.ts";
import type { HeaderLines } from "../model/header-lines.ts";

const LF = 10;
const CR = 13;

/**
 * A stream of server-sent events that can be closed from outside. Bytes pass untouched. Closing gives up the producer, adds the farewell
 * where an event has just ended, and breaks the stream off, so that nobody takes it for complete.
 */
export class ClosableStream implements ByteStream, ByteSink {
  readonly #stream: ByteStream;
  readonly #after: (task: () => void) => void;
  #sink: ByteSink | undefined;
  #flow: Flow | undefined;
  #over = false;
  #cause: unknown;
  #wantsMore = true;
  /** The last bytes, newest last; three tell every kind of blank line. */
  #tail: readonly number[] = [];
  #begun = false;

  /** `after` runs a task a moment later: what was written last must leave before the connection is cut. */
  constructor(stream: ByteStream, after: (task: () => void) => void) {
    this.#stream = stream;
    this.#after = after;
  }

  get declaredBytes(): number | undefined {
    return this.#stream.declaredBytes;
  }

  pipe(sink: ByteSink): Flow {
    this.#sink = sink;
    if (this.#over) {
      this.#stream.discard(this.#cause);
      sink.fail(this.#cause);
      return { resume: () => {}, cancel: () => {} };
    }
    const flow = this.#stream.pipe(this);
    this.#flow = flow;
    if (this.#over) flow.cancel(this.#cause);
    return {
      resume: () => {
        this.#wantsMore = true;
        if (!this.#over) flow.resume();
      },
      cancel: (cause) => {
        this.#sink = undefined;
        this.#over = true;
        flow.cancel(cause);
      },
    };
  }

  discard(cause?: unknown): void {
    this.#over = true;
    this.#stream.discard(cause);
  }

  /** Ends it before its time. Harmless when it is over. */
  close(farewell: Uint8Array | undefined, cause: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#cause = cause;
    this.#flow?.cancel(cause);
    const sink = this.#sink;
    if (sink === undefined) return;
    if (farewell === undefined || !this.#isBetweenEvents || !this.#wantsMore) return sink.fail(cause);
    sink.write(farewell);
    this.#after(() => this.#sink?.fail(cause));
  }

  get #isBetweenEvents(): boolean {
    if (!this.#begun) return true;
    const [last, before, third] = this.#tail.toReversed();
    if (last === LF) return before === LF || (before === CR && (third === LF || third === CR));
    return last === CR && (before === CR || before === LF);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over || this.#sink === undefined) return false;
    if (chunk.byteLength > 0) this.#begun = true;
    this.#tail = [...this.#tail, ...chunk.subarray(-3)].slice(-3);
    this.#wantsMore = this.#sink.write(chunk);
    return this.#wantsMore;
  }

  end(trailers?: HeaderLines): void {
    if (this.#over) return;
    this.#over = true;
    this.#sink?.end(trailers);
  }

  fail(cause: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#sink?.fail(cause);
  }
}
