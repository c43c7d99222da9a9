import type { ServiceError } from "@grpc/grpc-js";

/** What a stream did next. */
export type StreamEvent =
  | { readonly kind: "message"; readonly bytes: Uint8Array }
  /** It ended: 0 is OK. */
  | { readonly kind: "ended"; readonly code: number; readonly details: string }
  /** Nothing within the time asked for; it is still open. */
  | { readonly kind: "quiet" };

/** The part of a client call that streams answers. */
interface Streaming {
  on(event: "data", listener: (bytes: Buffer) => void): unknown;
  on(event: "metadata", listener: () => void): unknown;
  on(event: "error", listener: (error: ServiceError) => void): unknown;
  on(event: "status", listener: (status: { readonly code: number; readonly details: string }) => void): unknown;
  cancel(): void;
}

/** More than these unread messages and the stream is cancelled: no service says so much here. */
const MAX_UNREAD = 1_000;

/** Reads a stream message by message. */
export class CallStream implements Disposable {
  readonly #call: Streaming;
  readonly #events: StreamEvent[] = [];
  #wake: () => void = () => {};
  #hasHeaders = false;
  #isForHeaders = false;

  constructor(call: Streaming) {
    this.#call = call;
    call.on("data", (bytes) => this.#take({ kind: "message", bytes }));
    call.on("metadata", () => {
      this.#hasHeaders = true;
      // whoever waits for a message goes on waiting
      if (this.#isForHeaders) this.#wake();
    });
    // the status tells the same, and always comes
    call.on("error", () => {});
    call.on("status", ({ code, details }) => this.#take({ kind: "ended", code, details }));
  }

  /** What comes next within this time; an end is told again and again. */
  async next(withinMs: number): Promise<StreamEvent> {
    if (this.#events.length === 0) await this.#arrival(withinMs);
    const [event] = this.#events;
    if (event === undefined) return { kind: "quiet" };
    if (event.kind !== "ended") this.#events.shift();
    return event;
  }

  /** Whether response headers come within this time, before anything else; false also when it ends without them. */
  async headers(withinMs: number): Promise<boolean> {
    this.#isForHeaders = true;
    if (!this.#hasHeaders && this.#events.length === 0) await this.#arrival(withinMs);
    this.#isForHeaders = false;
    return this.#hasHeaders;
  }

  cancel(): void {
    this.#call.cancel();
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  #take(event: StreamEvent): void {
    if (this.#events.length >= MAX_UNREAD) this.cancel();
    else this.#events.push(event);
    this.#wake();
  }

  #arrival(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
