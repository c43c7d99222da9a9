import type { ByteSink, ByteStream, Flow } from "../../../../model/byte-stream.ts";
import { GRPC_STATUS } from "../../../../model/grpc.ts";
import type { HeaderLines } from "../../../../model/header-lines.ts";
import { ToldFailure } from "../../../../model/told-failure.ts";
import type { Clock } from "../../../../ports/clock.ts";
import type { EventStreams } from "../../../../ports/event-streams.ts";
import type { MessageRoom, UpstreamFailure } from "../../../../ports/upstream.ts";
import { MAX_MESSAGE_BYTES } from "./answer-json.ts";
import type { EventRule } from "./event-rules.ts";
import type { EventText } from "./event-text.ts";
import { MessageCutter } from "./message-frames.ts";
import { statusOf, type CallStatus } from "./status-answer.ts";
import type { ToldErrors } from "./told-errors.ts";
import { bodyFailure } from "./whole-call.ts";

/** Longest wait for what decides between an answer and a stream, milliseconds. Services that send a head say by it that the stream stands. */
export const HOLD_MS = 100;

/** What one stream is made with. */
export interface EventTerms {
  readonly rule: EventRule;
  readonly text: EventText;
  readonly errors: ToldErrors;
  /** The client has seen the gateway's own last event. */
  readonly sawEnd: boolean;
  /** For a message that is not whole; undefined: nobody counts. */
  readonly room: MessageRoom | undefined;
  readonly clock: Clock;
  readonly streams: Pick<EventStreams, "enter">;
}

/** What a stream turned out to be. */
export type Begun =
  | { readonly kind: "open" | "empty" }
  | { readonly kind: "status"; readonly status: CallStatus }
  | { readonly kind: "failed"; readonly failure: UpstreamFailure };

/**
 * The messages of one call as server-sent events. Holds one message that is not whole, and what one chunk made of events: the call waits for a
 * client that does not read. An error behind the first event is the last one, `error`; then neither client nor log takes the stream for whole.
 */
export class EventBody implements ByteStream, ByteSink, Flow {
  readonly declaredBytes = undefined;
  readonly #source: ByteStream;
  readonly #terms: EventTerms;
  readonly #cutter: MessageCutter;
  readonly #begun = Promise.withResolvers<Begun>();
  #isDecided = false;
  #isOver = false;
  #flow: Flow | undefined;
  #sink: ByteSink | undefined;
  /** Events nobody has taken yet, and how it ends behind them. */
  #held = "";
  #ending: ((sink: ByteSink) => void) | undefined;
  #wantsMore = true;
  #writtenMs = 0;
  #stopTimer: (() => void) | undefined;
  #leave: (() => void) | undefined;

  constructor(source: ByteStream, terms: EventTerms) {
    this.#source = source;
    this.#terms = terms;
    this.#cutter = new MessageCutter({ maxBytes: MAX_MESSAGE_BYTES, room: terms.room });
  }

  /** Reads the call until it is clear what it is. What is not `open` is over. */
  begin(): Promise<Begun> {
    const { rule, clock, streams } = this.#terms;
    this.#stopTimer = clock.after(HOLD_MS, () => this.#decide({ kind: "open" }));
    // whoever cannot go on elsewhere may stay as long as the process does
    if (rule.resume !== undefined) this.#leave = streams.enter(() => this.#drain());
    this.#flow = this.#source.pipe(this);
    if (this.#over()) this.#flow.cancel();
    return this.#begun.promise;
  }

  pipe(sink: ByteSink): Flow {
    const { rule, clock } = this.#terms;
    this.#sink = sink;
    this.#writtenMs = clock.nowMs();
    const text = `${rule.retryMs === undefined ? "" : `retry: ${rule.retryMs}\n\n`}${this.#held}`;
    this.#held = "";
    if (text !== "") this.#write(text);
    if (this.#ending !== undefined) {
      this.#ending(sink);
      return this;
    }
    if (this.#over()) return this;
    this.#watchSilence();
    if (this.#wantsMore) this.#flow?.resume();
    return this;
  }

  resume(): void {
    this.#wantsMore = true;
    if (!this.#isOver) this.#flow?.resume();
  }

  cancel(cause?: unknown): void {
    this.#sink = undefined;
    this.#ending = undefined;
    if (this.#isOver) return;
    this.#finish();
    this.#flow?.cancel(cause);
  }

  discard(cause?: unknown): void {
    this.cancel(cause);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return false;
    const cut = this.#cutter.push(chunk);
    let events = "";
    for (const message of cut.ok ? cut.value : []) {
      const told = this.#terms.text.next(message);
      if (told.kind === "event") events += told.text;
      if (told.kind !== "broken") continue;
      this.#put(events);
      return this.#breakOff(invalid(told.cause), false);
    }
    this.#put(events);
    if (!cut.ok) return this.#breakOff(cut.error, false);
    return this.#wantsMore;
  }

  end(trailers?: HeaderLines): void {
    if (this.#isOver) return;
    const status = statusOf((name) => trailers?.first(name));
    if (status === undefined || (status.code === GRPC_STATUS.OK && !this.#cutter.isWhole))
      return void this.#breakOff(invalid("no status, or half a message"), true);
    this.#finish();
    if (status.code !== GRPC_STATUS.OK)
      return this.#end({ kind: "status", status }, () =>
        this.#failure(this.#terms.errors.status(status), `the call ended with status ${status.code}`),
      );
    this.#end({ kind: "empty" }, undefined);
  }

  fail(cause: unknown): void {
    if (!this.#isOver) this.#breakOff(bodyFailure(cause), true);
  }

  #breakOff(failure: UpstreamFailure, mayGoOn: boolean): false {
    this.#finish();
    // the flow may not be here yet
    queueMicrotask(() => this.#flow?.cancel());
    const isRetryable = mayGoOn && this.#terms.rule.resume !== undefined;
    this.#end({ kind: "failed", failure }, () => this.#failure(this.#terms.errors.failure(failure, isRetryable), failure.cause));
    return false;
  }

  /** Over before it began, or behind the events that are there: with a failure, or as a whole. */
  #end(begun: Begun, failure: (() => ToldFailure) | undefined): void {
    if (!this.#isDecided) return this.#decide(begun);
    if (failure === undefined) this.#put(this.#terms.text.end());
    const cause = failure?.();
    this.#close((sink) => (cause === undefined ? sink.end() : sink.fail(cause)));
  }

  #failure(json: string, cause: string): ToldFailure {
    const data = json.replaceAll(/\r\n|\r|\n/g, "\ndata: ");
    return new ToldFailure(new TextEncoder().encode(`event: error\ndata: ${data}\n\n`), cause);
  }

  /** The process ends: the client comes back with its last id, and is served by another. */
  #drain(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#flow?.cancel("the gateway ends");
    this.#decide({ kind: "open" });
    this.#close((sink) => sink.end());
  }

  #close(ending: (sink: ByteSink) => void): void {
    if (this.#sink === undefined) this.#ending = ending;
    else ending(this.#sink);
  }

  #finish(): void {
    this.#isOver = true;
    this.#stopTimer?.();
    this.#leave?.();
  }

  #decide(begun: Begun): void {
    this.#isDecided = true;
    this.#begun.resolve(begun);
  }

  #put(text: string): void {
    if (text === "") return;
    if (this.#sink !== undefined) return this.#write(text);
    this.#held += text;
    this.#wantsMore = false;
    this.#decide({ kind: "open" });
  }

  #write(text: string): void {
    this.#writtenMs = this.#terms.clock.nowMs();
    this.#wantsMore = this.#sink?.write(new TextEncoder().encode(text)) ?? false;
  }

  #watchSilence(): void {
    const { clock, rule } = this.#terms;
    const dueMs = this.#writtenMs + rule.keepAliveMs - clock.nowMs();
    this.#stopTimer?.();
    this.#stopTimer = clock.after(Math.max(1, dueMs), () => {
      // a client that does not read is not silent for want of words
      if (clock.nowMs() - this.#writtenMs >= rule.keepAliveMs && this.#wantsMore) this.#write(": keep-alive\n\n");
      else if (!this.#wantsMore) this.#writtenMs = clock.nowMs();
      if (!this.#isOver) this.#watchSilence();
    });
  }

  // read through a method: whoever was called meanwhile may have changed it, which the type checker cannot see
  #over(): boolean {
    return this.#isOver;
  }
}

const invalid = (cause: string): UpstreamFailure => ({ problem: "upstream_invalid_response", cause });
