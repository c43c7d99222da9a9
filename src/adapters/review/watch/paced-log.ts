import type { Clock } from "../../../ports/clock.ts";
import type { Log, LogLevel } from "../../../ports/log.ts";

/** Between two lines of the same event, milliseconds. */
const QUIET_MS = 1_000;

/** A log for what a peer can cause as often as it likes: one line a second for each event, which tells how many were left out before it. */
export class PacedLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #last = new Map<string, { atMs: number; leftOut: number }>();

  /** `fields` go into every line. */
  constructor(log: Log, clock: Clock, fields: Readonly<Record<string, unknown>>) {
    this.#log = log;
    this.#clock = clock;
    this.#fields = fields;
  }

  /** Events are names in our own code: there are few of them. */
  write(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void {
    const nowMs = this.#clock.nowMs();
    const last = this.#last.get(event);
    if (last !== undefined && nowMs - last.atMs < QUIET_MS) {
      last.leftOut += 1;
      return;
    }
    this.#last.set(event, { atMs: nowMs, leftOut: 0 });
    const leftOut = last?.leftOut ?? 0;
    this.#log.write(level, event, { ...this.#fields, ...fields, ...(leftOut === 0 ? {} : { left_out: leftOut }) });
  }
}
