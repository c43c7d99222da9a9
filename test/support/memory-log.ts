import type { Log, LogLevel } from "../../src/ports/log.ts";

/** Remembers what was written. */
export class MemoryLog implements Log {
  readonly lines: { readonly level: LogLevel; readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];

  write(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void {
    this.lines.push({ level, event, fields });
  }

  /** Names of the events, in order. */
  get events(): readonly string[] {
    return this.lines.map(({ event }) => event);
  }
}
