import type { Result } from "../model/result.ts";

/** Answers what the other end asks under one name. The payload comes from another process: to be checked. What it throws is told to the other end as text. */
export type Answering = (payload: unknown) => Promise<unknown>;

/** One end of the private pipe between the control process and a worker (C37). Both ends ask and answer. */
export interface WorkerLink {
  /** Asks the other end. Never rejects: the error is a fragment, also where no answer came within `deadlineMs` or the other end is gone. */
  ask(name: string, payload: unknown, deadlineMs: number): Promise<Result<unknown, string>>;
  /** From now on questions of that name are answered so; those of other names are answered with an error. Once per name. */
  answer(name: string, answering: Answering): void;
}

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A process that serves requests, as the control process holds it. */
export interface WorkerProcess {
  readonly pid: number;
  readonly link: WorkerLink;
  /** Resolves when it is gone. */
  readonly ended: Promise<ProcessEnd>;
  /** Ends it here and now. Harmless when it is gone. */
  kill(): void;
}

/** Starts processes that serve requests. They end when this process does. */
export interface WorkerProcesses {
  /** Cores this process may use. */
  readonly cores: number;
  /** `worker` is its number, from 1. */
  start(worker: number): WorkerProcess;
}
