import type { CallOutcome, StreamListeners } from "./calls.ts";
import type { StreamEvents } from "./client-stream.ts";
import { goneStatus, headerProblem, isInterim, resetStatus, STATUS, trailerStatus, type CallStatus } from "./grpc-status.ts";
import type { Field } from "./hpack-table.ts";
import { MessageReader, type MessageFault, type MessageLimits } from "./message-reader.ts";

/** Reads the answer to one call: messages as they come, then a status. Nothing is told after `onEnd`. */
export class ClientCall implements StreamEvents {
  readonly #listeners: StreamListeners;
  readonly #messages: MessageReader;
  readonly #terms: CallTerms;
  #hasHeaders = false;
  #isOver = false;
  /** Gives the stream up; set by whoever opened it. */
  cancel: () => void = () => {};

  constructor(terms: CallTerms, listeners: StreamListeners) {
    this.#terms = terms;
    this.#listeners = listeners;
    this.#messages = new MessageReader(terms, (message) => {
      if (this.#isOver) return;
      try {
        listeners.onMessage(message);
      } catch (thrown) {
        terms.onFault(thrown);
      }
    });
  }

  /** Nobody wants it any more: the peer is told, and nothing is told here. */
  giveUp(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#messages.discard();
    this.cancel();
  }

  onHeaders(fields: readonly Field[], endsStream: boolean): void {
    if (this.#isOver || (!endsStream && !this.#hasHeaders && isInterim(fields))) return;
    if (!this.#hasHeaders) {
      const problem = headerProblem(fields);
      if (problem !== undefined) return this.#fail(problem);
      this.#hasHeaders = true;
      if (!endsStream) return this.#taken();
    }
    if (!endsStream) return this.#fail({ code: STATUS.INTERNAL, details: "trailers that do not end the call" });
    const fault = this.#messages.finish();
    if (fault !== undefined) return this.#fail(this.#faultStatus(fault));
    this.end(trailerStatus(fields));
  }

  onBytes(bytes: Buffer, endsStream: boolean): void {
    if (this.#isOver) return;
    if (!this.#hasHeaders) return this.#fail({ code: STATUS.INTERNAL, details: "a message before the headers" });
    const fault = this.#messages.push(bytes);
    if (fault !== undefined) return this.#fail(this.#faultStatus(fault));
    if (endsStream) this.end({ code: STATUS.UNKNOWN, details: "the call ended without a status" });
  }

  onReset(code: number): void {
    this.end(resetStatus(code));
  }

  onGone(unseen: boolean): void {
    this.end(goneStatus(unseen));
  }

  #faultStatus(fault: MessageFault): CallStatus {
    switch (fault.kind) {
      case "too-large":
        return {
          code: STATUS.RESOURCE_EXHAUSTED,
          details: `a message of ${fault.bytes} bytes, at most ${this.#terms.maxBytes} allowed`,
          cause: "own-limit",
        };
      case "no-room":
        return { code: STATUS.RESOURCE_EXHAUSTED, details: "too many unfinished answers at once", cause: "own-limit" };
      case "compressed":
        return { code: STATUS.INTERNAL, details: "a compressed message, which was not offered" };
      case "cut-short":
        return { code: STATUS.INTERNAL, details: "a message that was cut short" };
      default:
        return fault satisfies never;
    }
  }

  #taken(): void {
    try {
      this.#listeners.onHeaders?.();
    } catch (thrown) {
      this.#terms.onFault(thrown);
    }
  }

  /** Ends here what the peer would go on with. */
  #fail(status: CallStatus): void {
    this.cancel();
    this.end(status);
  }

  /** Ends the call from our side; nothing was or will be sent for it. */
  end(status: CallStatus): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#messages.discard();
    try {
      this.#listeners.onEnd(status);
    } catch (thrown) {
      this.#terms.onFault(thrown);
    }
  }
}

/** What the calls of a channel have in common. */
export interface CallTerms extends MessageLimits {
  /** What a listener threw: a bug of whoever calls, which costs nobody else. */
  readonly onFault: (thrown: unknown) => void;
}

/** What a call of one message and one answer makes of a stream; `done` is called once. */
export function unaryListeners(done: (outcome: CallOutcome) => void, giveUp: () => void): StreamListeners {
  let reply: Buffer | undefined;
  let isTold = false;
  const tell = (outcome: CallOutcome): void => {
    if (isTold) return;
    isTold = true;
    done(outcome);
  };
  return {
    onMessage(bytes) {
      if (reply !== undefined) {
        giveUp();
        return tell({ kind: "malformed", detail: "more than one message" });
      }
      // a copy, since the verdict is read when the status is here
      reply = Buffer.from(bytes);
    },
    onEnd(status) {
      if (status.code !== STATUS.OK) return tell({ kind: "status", status });
      tell(reply === undefined ? { kind: "malformed", detail: "no message" } : { kind: "reply", bytes: reply });
    },
  };
}
