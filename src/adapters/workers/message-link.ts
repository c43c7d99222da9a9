import { err, ok, type Result } from "../../model/result.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Answering, WorkerLink } from "../../ports/worker-link.ts";

/** What messages travel by; each end sends plain data and gets the other's. */
export interface MessagePipe {
  /** May throw where the other end is gone. */
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Runs `listener` once, when the other end is gone. */
  onClosed(listener: () => void): void;
}

/** Questions that wait for an answer at once; each ends with its deadline. */
const MAX_WAITING = 4096;

/** Longest text of an error that is taken over from the other end, UTF-16 units. */
const MAX_ERROR = 2048;

/** What goes over the pipe: a question with a number of its own, or the answer to it. */
type Message =
  | { readonly kind: "ask"; readonly id: number; readonly name: string; readonly payload: unknown }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "fail"; readonly id: number; readonly reason: string };

/** Questions and answers over a pipe of messages. A message that is none of ours is passed over: the pipe has other users. */
export class MessageLink implements WorkerLink {
  readonly #pipe: MessagePipe;
  readonly #clock: Clock;
  readonly #answering = new Map<string, Answering>();
  readonly #waiting = new Map<number, (answer: Result<unknown, string>) => void>();
  #nextId = 1;
  #isClosed = false;

  constructor(pipe: MessagePipe, clock: Clock) {
    this.#pipe = pipe;
    this.#clock = clock;
    pipe.onMessage((message) => {
      if (isMessage(message)) void this.#take(message);
    });
    pipe.onClosed(() => {
      this.#isClosed = true;
      for (const settle of [...this.#waiting.values()]) settle(err(GONE));
    });
  }

  answer(name: string, answering: Answering): void {
    if (this.#answering.has(name)) throw new Error(`${name} is answered already`);
    this.#answering.set(name, answering);
  }

  ask(name: string, payload: unknown, deadlineMs: number): Promise<Result<unknown, string>> {
    if (this.#isClosed) return Promise.resolve(err(GONE));
    if (this.#waiting.size >= MAX_WAITING) return Promise.resolve(err("too many questions wait for an answer"));
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve) => {
      const stopTimer = this.#clock.after(deadlineMs, () => settle(err(`no answer to ${name} within ${deadlineMs} ms`)));
      const settle = (answer: Result<unknown, string>): void => {
        stopTimer();
        this.#waiting.delete(id);
        resolve(answer);
      };
      this.#waiting.set(id, settle);
      if (!this.#send({ kind: "ask", id, name, payload })) settle(err(GONE));
    });
  }

  async #take(message: Message): Promise<void> {
    if (message.kind === "answer") return this.#waiting.get(message.id)?.(ok(message.value));
    if (message.kind === "fail") return this.#waiting.get(message.id)?.(err(message.reason.slice(0, MAX_ERROR)));
    const { id, name, payload } = message;
    const answering = this.#answering.get(name);
    if (answering === undefined) return void this.#send({ kind: "fail", id, reason: `${name} is not answered here` });
    try {
      this.#send({ kind: "answer", id, value: await answering(payload) });
    } catch (thrown) {
      this.#send({ kind: "fail", id, reason: thrown instanceof Error ? thrown.message : "failed" });
    }
  }

  #send(message: Message): boolean {
    if (this.#isClosed) return false;
    try {
      this.#pipe.send(message);
      return true;
    } catch {
      // the other end went between two looks
      return false;
    }
  }
}

const GONE = "the other process is gone";

function isMessage(message: unknown): message is Message {
  if (typeof message !== "object" || message === null || !("kind" in message) || !("id" in message)) return false;
  if (typeof message.id !== "number") return false;
  if (message.kind === "ask") return "name" in message && typeof message.name === "string" && "payload" in message;
  if (message.kind === "answer") return "value" in message;
  return message.kind === "fail" && "reason" in message && typeof message.reason === "string";
}
