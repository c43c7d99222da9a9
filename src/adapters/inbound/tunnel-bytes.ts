import { BodyFailure } from "../../model/body-failure.ts";
import type { ByteSink, ByteStream, Flow } from "../../model/byte-stream.ts";
import type { BodyListener, BodySource } from "./exchange-wire.ts";

/** What a client sends on a connection that has changed its protocol. Its own silence is no fault: whoever takes the bytes watches over that. */
export class TunnelBytes implements ByteStream, Flow, BodyListener {
  readonly declaredBytes = undefined;
  /** The client has said its last word, or nobody listens any more. */
  readonly over: Promise<void>;
  readonly #source: BodySource;
  readonly #cut: () => void;
  readonly #settle: () => void;
  #sink: ByteSink | undefined;
  #receivedBytes = 0;
  #isOver = false;
  #rests = false;

  /** `cut`: ends the connection at once. */
  constructor(source: BodySource, cut: () => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#settle = resolve;
    this.#source = source;
    this.#cut = cut;
  }

  /** Bytes that arrived and were passed on. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  pipe(sink: ByteSink): Flow {
    if (this.#source.gone) this.onGone();
    if (this.#isOver) {
      sink.fail(GONE);
      return this;
    }
    this.#sink = sink;
    this.#source.listen(this);
    this.#source.resume();
    return this;
  }

  resume(): void {
    this.#rests = false;
    if (!this.#isOver) this.#source.resume();
  }

  cancel(cause?: unknown): void {
    this.discard(cause);
  }

  discard(cause?: unknown): void {
    if (!this.#isOver) {
      this.#finish();
      this.#source.ignore();
    }
    if (cause !== undefined) this.#cut();
  }

  onBytes(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#receivedBytes += bytes.byteLength;
    // set before the write: a reader that resumes inside it must win
    this.#rests = true;
    if (this.#sink?.write(bytes) === true) this.#rests = false;
    else if (this.#isResting()) this.#source.pause();
  }

  onEnd(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#sink?.end();
  }

  onGone(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#sink?.fail(GONE);
  }

  // read through a method: the sink may have changed it meanwhile, which the type checker cannot see
  #isResting(): boolean {
    return this.#rests && !this.#isOver;
  }

  #finish(): void {
    this.#isOver = true;
    this.#settle();
  }
}

const GONE = new BodyFailure("client_closed", "The client closed the connection.");
