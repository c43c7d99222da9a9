import type { ByteSink, ByteStream, Flow } from "../../src/model/byte-stream.ts";
import { bytesOf } from "./byte-flow.ts";

/** How a tracked stream is made. */
export interface TrackedChoice {
  /** Declare no length, as a chunked message does. */
  readonly chunked?: boolean;
  /** Break off with this after the last chunk instead of ending. */
  readonly breaksWith?: unknown;
  /** Deliver the chunks and then stay silent, neither ended nor broken. */
  readonly stalls?: boolean;
}

/** A stream that gives its chunks, one a microtask, and knows what became of it. */
export class TrackedStream implements ByteStream, Flow {
  readonly declaredBytes: number | undefined;
  /** `untouched` and `flowing` are leaks when everything is over. */
  state: "untouched" | "flowing" | "ended" | "broken" | "cancelled" | "discarded" = "untouched";
  readonly #chunks: Uint8Array[];
  readonly #choice: TrackedChoice;
  #sink: ByteSink | undefined;
  #paused = false;

  constructor(chunks: readonly (string | Uint8Array)[], choice: TrackedChoice = {}) {
    this.#chunks = chunks.map((chunk) => (typeof chunk === "string" ? bytesOf(chunk) : chunk));
    this.#choice = choice;
    this.declaredBytes = choice.chunked === true ? undefined : this.#chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Whether whoever made it may forget it. */
  get isOver(): boolean {
    return this.state !== "untouched" && this.state !== "flowing";
  }

  pipe(sink: ByteSink): Flow {
    if (this.state !== "untouched") throw new Error(`piped while ${this.state}`);
    this.state = "flowing";
    this.#sink = sink;
    this.#next();
    return this;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#next();
  }

  cancel(): void {
    if (!this.isOver) this.state = "cancelled";
  }

  discard(): void {
    if (!this.isOver) this.state = "discarded";
  }

  #next(): void {
    queueMicrotask(() => {
      if (this.state !== "flowing" || this.#paused) return;
      const chunk = this.#chunks.shift();
      if (chunk === undefined) return this.#end();
      this.#paused = this.#sink?.write(chunk) === false;
      if (!this.#paused) this.#next();
    });
  }

  #end(): void {
    if (this.#choice.stalls === true) return;
    const cause = this.#choice.breaksWith;
    this.state = cause === undefined ? "ended" : "broken";
    if (cause === undefined) this.#sink?.end();
    else this.#sink?.fail(cause);
  }
}
