/** Takes one log entry. It is called synchronously and must not throw. */
export type Log = (entry: LogEntry) => void;

/** One thing worth knowing. `error` is what was thrown, if anything was. */
export interface LogEntry {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly error?: unknown;
  readonly [field: string]: unknown;
}

/**
 * Writes entries as JSON lines: `listening` to standard output, where scripts wait for it, everything else to standard
 * error.
 */
export const jsonLinesLog: Log = (entry) => {
  const { error, ...rest } = entry;
  const line = JSON.stringify({ time: new Date().toISOString(), ...rest, ...(error !== undefined && described(error)) });
  const stream = entry.message === "listening" ? process.stdout : process.stderr;
  stream.write(`${line}\n`);
};

function described(error: unknown): { readonly error: string; readonly stack?: string } {
  if (!(error instanceof Error)) return { error: String(error) };
  return { error: `${error.name}: ${error.message}`, ...(error.stack !== undefined && { stack: error.stack }) };
}
