import { isMetricsSnapshot, type MetricsSnapshot } from "../../adapters/telemetry/metrics-snapshot.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { Clock } from "../../ports/clock.ts";
import type { JwkSet } from "../../ports/jwk-set.ts";
import type { ProcessEnd, WorkerProcess } from "../../ports/worker-link.ts";
import { read, TO_WORKER, type ListeningDoor, type WorkerStart, type WorkerState } from "./worker-messages.ts";

/** How long a worker may take, milliseconds. Whoever takes longer is not served by: it is ended and replaced. */
const WITHIN_MS = { start: 60_000, swap: 30_000, revoke: 5_000, look: 10_000, metrics: 5_000, end: 2_000 } as const;

/** What a worker may take beyond the time it is given to finish, milliseconds: its listeners settle, its log is written. */
const DRAIN_SLACK_MS = 5_000;

/** One worker process, as the control process knows it. */
export class FleetMember {
  readonly worker: number;
  readonly #process: WorkerProcess;
  readonly #clock: Clock;
  #state: WorkerState | undefined;
  #metrics: MetricsSnapshot = [];
  #servesSinceMs: number | undefined;
  #revision = "";

  constructor(worker: number, process: WorkerProcess, clock: Clock) {
    this.worker = worker;
    this.#process = process;
    this.#clock = clock;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get ended(): Promise<ProcessEnd> {
    return this.#process.ended;
  }

  get link(): WorkerProcess["link"] {
    return this.#process.link;
  }

  /** It took requests once, and is not known to be gone. */
  get isServing(): boolean {
    return this.#servesSinceMs !== undefined;
  }

  /** Of the plan it serves by; empty before it serves. */
  get revision(): string {
    return this.#revision;
  }

  /** How it stood when it was looked at last. */
  get state(): WorkerState | undefined {
    return this.#state;
  }

  /** Its metrics as they were known last. */
  get lastMetrics(): MetricsSnapshot {
    return this.#metrics;
  }

  /** For how long it has taken requests, milliseconds. */
  get servedMs(): number {
    return this.#servesSinceMs === undefined ? 0 : this.#clock.nowMs() - this.#servesSinceMs;
  }

  /** Has it begin to serve; where it listens. */
  async begin(start: WorkerStart): Promise<Result<readonly ListeningDoor[], string>> {
    const answer = await this.link.ask(TO_WORKER.start, start, WITHIN_MS.start);
    const doors = answer.ok ? read.doors(answer.value) : undefined;
    if (doors === undefined) return err(answer.ok ? WRONG : answer.error);
    this.#servesSinceMs = this.#clock.nowMs();
    await this.look(start.jwks);
    return ok(doors);
  }

  /** Has it serve by another plan. */
  async swap(snapshot: unknown): Promise<Result<void, string>> {
    const answer = await this.link.ask(TO_WORKER.swap, snapshot, WITHIN_MS.swap);
    const revision = answer.ok ? read.text(answer.value) : undefined;
    if (revision === undefined) return err(answer.ok ? WRONG : answer.error);
    this.#revision = revision;
    return ok(undefined);
  }

  /** How many verdicts it forgot. */
  async revoke(interceptor: string, tags: readonly string[]): Promise<Result<number, string>> {
    const answer = await this.link.ask(TO_WORKER.revoke, { interceptor, tags }, WITHIN_MS.revoke);
    const forgotten = answer.ok ? read.number(answer.value) : undefined;
    return forgotten === undefined ? err(answer.ok ? WRONG : answer.error) : ok(forgotten);
  }

  /** Asks how it stands, and tells it which keys the gateway has now. */
  async look(jwks: JwkSet): Promise<Result<void, string>> {
    const answer = await this.link.ask(TO_WORKER.look, jwks, WITHIN_MS.look);
    const state = answer.ok ? read.state(answer.value) : undefined;
    if (state === undefined) return err(answer.ok ? WRONG : answer.error);
    this.#state = state;
    this.#revision = state.revision;
    return ok(undefined);
  }

  /** Asks for its metrics; where it does not say, the last ones stay. */
  async readMetrics(): Promise<void> {
    this.#note(await this.link.ask(TO_WORKER.metrics, null, WITHIN_MS.metrics));
  }

  /** Has it finish what is under way within `drainMs` and end; one that does not is ended. Resolves when it is gone. */
  async drain(drainMs: number): Promise<void> {
    this.#note(await this.link.ask(TO_WORKER.drain, drainMs, drainMs + DRAIN_SLACK_MS));
    const stopTimer = this.#clock.after(WITHIN_MS.end, () => this.kill());
    void this.link.ask(TO_WORKER.end, null, WITHIN_MS.end);
    await this.ended;
    stopTimer();
  }

  kill(): void {
    this.#process.kill();
  }

  #note(answer: Result<unknown, string>): void {
    if (answer.ok && isMetricsSnapshot(answer.value)) this.#metrics = answer.value;
  }
}

const WRONG = "what it answered is no answer to this";
