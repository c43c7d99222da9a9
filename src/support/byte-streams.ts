import type { ByteSink, ByteStream, Flow } from "../model/byte-stream.ts";
import type { HeaderLines } from "../model/header-lines.ts";
import { ChunkPile } from "./chunk-pile.ts";

/** What reading a whole body came to. `rest` gives the prefix already read and all that follows, byte for byte, and must be piped or discarded. */
export type Collected =
  | { readonly kind: "complete"; readonly bytes: Uint8Array }
  | { readonly kind: "too-large" | "no-room"; readonly rest: ByteStream }
  | { readonly kind: "broken"; readonly cause: unknown };

/** How much of a stream is read into memory. */
export interface CollectLimits {
  readonly maxBytes: number;
  /** Asked with all bytes that would then be held, with each chunk that came; false ends it as `no-room`. Always true where it is absent. */
  readonly mayHold?: (bytes: number) => boolean;
  /** Starts the time there is, and returns what stops it; `expired` ends it as `no-room`. As long as it takes where it is absent. */
  readonly within?: (expired: () => void) => () => void;
}

/**
 * Reads a stream into memory, `maxBytes` and one chunk at most. A stream that declares more is `too-large` before a byte of
 * it is asked for. Never rejects.
 */
export function collect(stream: ByteStream, limits: CollectLimits): Promise<Collected> {
  if ((stream.declaredBytes ?? 0) > limits.maxBytes) return Promise.resolve({ kind: "too-large", rest: stream });
  return new Promise((resolve) => new Collector(stream, limits, resolve).start());
}

/** A stream of bytes that are already there. */
export function bytesStream(chunks: readonly Uint8Array[]): ByteStream {
  return {
    declaredBytes: chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0),
    pipe(sink) {
      const replay = new Replay([...chunks], sink, () => sink.end());
      replay.resume();
      return replay;
    },
    discard() {},
  };
}

/** The same stream, failing with `exceeded()` as soon as more than `maxBytes` came by; the producer is then given up. */
export function limitedStream(stream: ByteStream, maxBytes: number, exceeded: () => unknown): ByteStream {
  return {
    declaredBytes: stream.declaredBytes,
    pipe(sink) {
      const counting = new CountingSink(sink, maxBytes, exceeded);
      const flow = stream.pipe(counting);
      counting.attach(flow);
      return flow;
    },
    discard: (cause) => stream.discard(cause),
  };
}

/** Gives held chunks to a sink in its own time, then does `after` once. */
class Replay implements Flow {
  readonly #chunks: Uint8Array[];
  readonly #sink: ByteSink;
  readonly #after: () => void;
  #next = 0;
  #state: "idle" | "running" | "again" | "over" = "idle";

  constructor(chunks: Uint8Array[], sink: ByteSink, after: () => void) {
    this.#chunks = chunks;
    this.#sink = sink;
    this.#after = after;
  }

  get over(): boolean {
    return this.#state === "over";
  }

  resume(): void {
    if (this.#state === "over") return;
    if (this.#state !== "idle") {
      // called from inside a write: the loop below goes on
      this.#state = "again";
      return;
    }
    this.#state = "running";
    while (this.#next < this.#chunks.length) {
      const wanted = this.#sink.write(this.#take());
      const state = this.#stateNow();
      if (state === "over") return;
      if (!wanted && state === "running") {
        this.#state = "idle";
        return;
      }
      this.#state = "running";
    }
    this.#state = "over";
    this.#after();
  }

  cancel(): void {
    this.#state = "over";
    this.#chunks.length = 0;
  }

  // read through a method: the sink may have changed it meanwhile, which the type checker cannot see
  #stateNow(): "idle" | "running" | "again" | "over" {
    return this.#state;
  }

  #take(): Uint8Array {
    const chunk = this.#chunks[this.#next] ?? new Uint8Array();
    this.#chunks[this.#next] = new Uint8Array();
    this.#next += 1;
    return chunk;
  }
}

/** Collects until complete, broken, too large, too late or without room; from then on it is the source of `rest`. */
class Collector implements ByteSink {
  readonly #stream: ByteStream;
  readonly #limits: CollectLimits;
  readonly #settle: (collected: Collected) => void;
  readonly #pile = new ChunkPile();
  #flow: Flow | undefined;
  /** What was read when it turned out too much, for whoever reads `rest`. */
  #prefix: Uint8Array[] | undefined;
  /** Whoever reads `rest`, once the prefix is with them. */
  #sink: ByteSink | undefined;
  #ending: ((sink: ByteSink) => void) | undefined;
  #isSettled = false;
  #forgetTime: (() => void) | undefined;

  constructor(stream: ByteStream, limits: CollectLimits, settle: (collected: Collected) => void) {
    this.#stream = stream;
    this.#limits = limits;
    this.#settle = (collected) => {
      this.#isSettled = true;
      this.#forgetTime?.();
      settle(collected);
    };
  }

  start(): void {
    this.#flow = this.#stream.pipe(this);
    if (!this.#isSettled) this.#forgetTime = this.#limits.within?.(() => this.#giveBack("no-room"));
  }

  write(chunk: Uint8Array): boolean {
    if (this.#sink !== undefined) return this.#sink.write(chunk);
    if (this.#prefix !== undefined) {
      // on its way before the source heard that it is enough
      this.#prefix.push(chunk);
      return false;
    }
    this.#pile.push(chunk);
    const { maxBytes, mayHold } = this.#limits;
    const bytes = this.#pile.byteLength;
    if (bytes <= maxBytes && mayHold?.(bytes) !== false) return true;
    this.#giveBack(bytes > maxBytes ? "too-large" : "no-room");
    return false;
  }

  #giveBack(kind: "too-large" | "no-room"): void {
    const prefix = this.#pile.take();
    this.#prefix = prefix;
    this.#settle({ kind, rest: this.#rest(prefix) });
  }

  // a body held whole is a message of its own: its trailers, which nobody reviewed, go with the stream it was
  end(trailers?: HeaderLines): void {
    if (this.#prefix !== undefined) return this.#finish((sink) => sink.end(trailers));
    this.#settle({ kind: "complete", bytes: this.#pile.whole() });
  }

  fail(cause: unknown): void {
    if (this.#prefix !== undefined) return this.#finish((sink) => sink.fail(cause));
    this.#settle({ kind: "broken", cause });
  }

  #finish(ending: (sink: ByteSink) => void): void {
    if (this.#sink !== undefined) return ending(this.#sink);
    this.#ending = ending;
  }

  #rest(prefix: Uint8Array[]): ByteStream {
    return {
      declaredBytes: this.#stream.declaredBytes,
      pipe: (sink) => this.#passOn(prefix, sink),
      discard: (cause) => {
        // it may be kept for as long as its exchange lives
        prefix.length = 0;
        this.#flow?.cancel(cause);
      },
    };
  }

  #passOn(prefix: Uint8Array[], sink: ByteSink): Flow {
    const replay = new Replay(prefix, sink, () => {
      if (this.#ending !== undefined) return this.#ending(sink);
      this.#sink = sink;
      this.#flow?.resume();
    });
    replay.resume();
    return {
      resume: () => (replay.over ? this.#flow?.resume() : replay.resume()),
      cancel: (cause) => {
        replay.cancel();
        this.#flow?.cancel(cause);
      },
    };
  }
}

class CountingSink implements ByteSink {
  readonly #sink: ByteSink;
  readonly #maxBytes: number;
  readonly #exceeded: () => unknown;
  #bytes = 0;
  #flow: Flow | undefined;
  #cut = false;

  constructor(sink: ByteSink, maxBytes: number, exceeded: () => unknown) {
    this.#sink = sink;
    this.#maxBytes = maxBytes;
    this.#exceeded = exceeded;
  }

  /** The flow arrives only when `pipe` returns, which may be after the limit was passed. */
  attach(flow: Flow): void {
    this.#flow = flow;
    if (this.#cut) flow.cancel();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#cut) return false;
    this.#bytes += chunk.byteLength;
    if (this.#bytes <= this.#maxBytes) return this.#sink.write(chunk);
    this.#cut = true;
    this.#flow?.cancel();
    this.#sink.fail(this.#exceeded());
    return false;
  }

  end(trailers?: HeaderLines): void {
    if (!this.#cut) this.#sink.end(trailers);
  }

  fail(cause: unknown): void {
    if (!this.#cut) this.#sink.fail(cause);
  }
}
