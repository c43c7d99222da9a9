/** How urgent a line is; follows the source of a problem. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Structured lines: one event, one line. Field names are snake_case words of the glossary; never a secret among them. */
export interface Log {
  write(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void;
}
