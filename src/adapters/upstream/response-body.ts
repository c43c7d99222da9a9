import type { ByteSink, ByteStream, Flow } from "../../model/byte-stream.ts";

/** Bytes held before anybody reads; a response that fits frees its connection without waiting for its reader. One chunk more may come. */
const HELD_BYTES = 64 * 1024;

/** The end of the connection a body comes from. */
export interface ResponseSource {
  pause(): void;
  resume(): void;
  /** Nobody wants the rest. */
  abandon(cause: unknown): void;
}

/** A response body on its way from the connection to its one reader, with backpressure. */
export class ResponseBody implements ByteStream, Flow {
  readonly declaredBytes: number | undefined;
  readonly #source: ResponseSource;
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  #sink: ByteSink | undefined;
  /** The sink asked for a rest, or there is none yet. */
  #blocked = true;
  #flushing = false;
  #ending: ((sink: ByteSink) => void) | undefined;
  #over = false;

  constructor(declaredBytes: number | undefined, source: ResponseSource) {
    this.declaredBytes = declaredBytes;
    this.#source = source;
  }

  /** Whether the reader takes bytes now: only then is the upstream to blame for silence. */
  get wanted(): boolean {
    return !this.#over && !this.#blocked;
  }

  /** From the connection. */
  push(chunk: Uint8Array): void {
    if (this.#over) return;
    if (!this.#blocked && !this.#flushing && this.#held.length === 0) {
      // set before the write: a reader that resumes inside it must win
      this.#blocked = true;
      if (this.#sink?.write(chunk) === true) this.#blocked = false;
      else if (this.#isBlocked()) this.#source.pause();
      return;
    }
    this.#held.push(chunk);
    this.#heldBytes += chunk.byteLength;
    if (this.#sink !== undefined || this.#heldBytes >= HELD_BYTES) this.#source.pause();
  }

  /** From the connection: the body is complete, or (`fail`) it broke. */
  finish(ending: (sink: ByteSink) => void): void {
    if (this.#over) return;
    this.#ending = ending;
    if (!this.#blocked) this.#flush();
  }

  pipe(sink: ByteSink): Flow {
    this.#sink = sink;
    this.resume();
    return this;
  }

  resume(): void {
    if (this.#over || this.#sink === undefined) return;
    this.#blocked = false;
    this.#flush();
  }

  cancel(cause?: unknown): void {
    this.discard(cause);
  }

  discard(cause?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#held.length = 0;
    this.#source.abandon(cause);
  }

  // read through a method: the sink may have changed it meanwhile, which the type checker cannot see
  #isBlocked(): boolean {
    return this.#blocked;
  }

  #flush(): void {
    const sink = this.#sink;
    if (this.#flushing || sink === undefined) return;
    this.#flushing = true;
    while (this.#held.length > 0 && !this.#blocked && !this.#over) {
      const chunk = this.#held.shift() ?? new Uint8Array();
      this.#heldBytes -= chunk.byteLength;
      this.#blocked = true;
      if (sink.write(chunk)) this.#blocked = false;
    }
    this.#flushing = false;
    if (this.#over || this.#blocked) return;
    if (this.#ending === undefined) return this.#source.resume();
    this.#over = true;
    this.#ending(sink);
  }
}
