import { MessageLink, type MessagePipe } from "../../src/adapters/workers/message-link.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { ProcessEnd, WorkerLink, WorkerProcess, WorkerProcesses } from "../../src/ports/worker-link.ts";

/** Two ends of a pipe in this process; messages are cloned as a real one would, and arrive a turn later. */
export function pipePair(): { readonly one: MessagePipe; readonly other: MessagePipe; readonly close: () => void } {
  const ends = [end(), end()] as const;
  return {
    one: { ...ends[0].pipe, send: (message) => ends[1].take(message) },
    other: { ...ends[1].pipe, send: (message) => ends[0].take(message) },
    close: () => ends.forEach(({ close }) => close()),
  };
}

function end() {
  const listeners: ((message: unknown) => void)[] = [];
  const closed: (() => void)[] = [];
  let isClosed = false;
  return {
    pipe: {
      onMessage: (listener: (message: unknown) => void) => void listeners.push(listener),
      onClosed: (listener: () => void) => void closed.push(listener),
    },
    take(message: unknown) {
      const copy: unknown = structuredClone(message);
      if (!isClosed) queueMicrotask(() => listeners.forEach((each) => each(copy)));
    },
    close() {
      isClosed = true;
      closed.splice(0).forEach((each) => each());
    },
  };
}

/** One worker process that does as the test says. */
export interface FakeWorker {
  readonly worker: number;
  readonly pid: number;
  /** Its own end. */
  readonly link: WorkerLink;
  /** Ends it as if it had crashed. */
  crash(): void;
  readonly isGone: boolean;
}

/** Worker processes that are none; `script` says what each answers, and sees it before it is asked anything. */
export class FakeWorkers implements WorkerProcesses {
  readonly cores = 2;
  readonly started: FakeWorker[] = [];
  readonly #script: (worker: FakeWorker) => void;
  readonly #clock: Clock;

  constructor(clock: Clock, script: (worker: FakeWorker) => void) {
    this.#clock = clock;
    this.#script = script;
  }

  start(worker: number): WorkerProcess {
    const { one, other, close } = pipePair();
    const { promise: ended, resolve } = Promise.withResolvers<ProcessEnd>();
    const state = { isGone: false };
    const finish = (end: ProcessEnd): void => {
      if (state.isGone) return;
      state.isGone = true;
      close();
      resolve(end);
    };
    const fake: FakeWorker = {
      worker,
      pid: 100 + this.started.length,
      link: new MessageLink(other, this.#clock),
      crash: () => finish({ code: 1, signal: null }),
      get isGone() {
        return state.isGone;
      },
    };
    this.started.push(fake);
    this.#script(fake);
    const kill = (): void => finish({ code: null, signal: "SIGKILL" });
    return { pid: fake.pid, link: new MessageLink(one, this.#clock), ended, kill };
  }
}
