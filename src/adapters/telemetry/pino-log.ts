import { fstatSync } from "node:fs";
import { destination as fileDestination } from "pino";
import type { Log, LogLevel } from "../../ports/log.ts";

/** Lines wait until this much has gathered, or FLUSH_MS: one write call for many lines. */
const GATHER_BYTES = 4096;
const FLUSH_MS = 250;

/** One write to a pipe is whole up to this much, whoever else writes to it (POSIX PIPE_BUF); a single line that is longer may be torn. */
const SHARED_WRITE_BYTES = 4096;
const SHARED_GATHER_BYTES = 3072;

/** Lines nobody reads are dropped beyond this, and counted: a stuck reader must not eat the memory. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/** A log that holds lines back for a moment. Disposing it writes what is left and closes a file descriptor that is not standard output. */
export interface FlushableLog extends Log, AsyncDisposable {
  /** Writes what was held back, before it returns. */
  flush(): void;
}

/** Where lines go: a file descriptor, or a function taking one line with its line feed. */
export type LogDestination = { readonly fd: number } | { readonly line: (text: string) => void };

export interface PinoLogOptions {
  /** Lines below it are not written. */
  readonly level: LogLevel;
  /** Standard output by default: lines are what the gateway says about its work; diagnostics of the command line go to standard error. */
  readonly destination?: LogDestination;
  /** Hears of each dropped line. */
  readonly onDropped?: () => void;
  /** Number of the worker that writes, said in each line. Several processes write to one place then, so lines are never torn apart: see SHARED_WRITE_BYTES. */
  readonly worker?: number;
}

/**
 * JSON lines: `level`, `time` (RFC 3339), `event`, then the fields. One event is one line whatever the fields hold: control
 * characters are escaped, C1 and line separators included. An Error among the fields becomes its message, with the stack at
 * level `error` only, which is where the gateway's own bugs are written. Pino's destination gathers and writes the lines; they
 * are made here, because pino's own serialisation doubled the cost of an exchange's line (15 against 7 µs, November 2026).
 */
export function pinoLog(options: PinoLogOptions): FlushableLog {
  const sink = openSink(options);
  const now = timestamps();
  const loudness = LEVELS.indexOf(options.level);
  const worker = options.worker === undefined ? "" : `,"worker":${options.worker}`;
  return {
    write(level, event, fields) {
      if (LEVELS.indexOf(level) >= loudness)
        sink.line(toLine({ level, time: now(), event, worker }, withPlainErrors(fields, level === "error")));
    },
    flush: sink.flush,
    [Symbol.asyncDispose]: sink.close,
  };
}

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** RFC 3339 with milliseconds. Many lines share one: the text is made once per millisecond. */
function timestamps(): () => string {
  let [madeMs, text] = [-1, ""];
  return () => {
    const nowMs = Date.now();
    if (nowMs !== madeMs) [madeMs, text] = [nowMs, new Date(nowMs).toISOString()];
    return text;
  };
}

/** What every line begins with; `worker` is empty, or JSON that goes on behind the event. */
interface LineHead {
  readonly level: LogLevel;
  readonly time: string;
  readonly event: string;
  readonly worker: string;
}

/** Put together from two texts: spreading the fields into a new object costs as much as writing them. Level and time are plain words. */
function toLine({ level, time, event, worker }: LineHead, fields: Readonly<Record<string, unknown>>): string {
  const after = inOneLine(fieldsJson(fields));
  const before = `{"level":"${level}","time":"${time}","event":${inOneLine(JSON.stringify(event))}${worker}`;
  return after === "{}" ? `${before}}\n` : `${before},${after.slice(1)}\n`;
}

function fieldsJson(fields: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(fields);
  } catch (error) {
    // a circle or a BigInt is a bug of the caller; the event must not be lost for it, nor the exchange
    return JSON.stringify({ log_line_broken: String(error) });
  }
}

interface Sink {
  readonly line: (text: string) => void;
  readonly flush: () => void;
  readonly close: () => Promise<void>;
}

function openSink({ destination = { fd: 1 }, onDropped, worker }: PinoLogOptions): Sink {
  if ("line" in destination) return { line: destination.line, flush: () => {}, close: () => Promise.resolve() };
  // pino's own destination writes the rest when the process exits
  const buffered = fileDestination({
    fd: destination.fd,
    sync: false,
    ...(worker === undefined || isFile(destination.fd)
      ? { minLength: GATHER_BYTES }
      : { minLength: SHARED_GATHER_BYTES, maxWrite: SHARED_WRITE_BYTES }),
    maxLength: MAX_WAITING_BYTES,
    periodicFlush: FLUSH_MS,
  });
  buffered.on("drop", () => onDropped?.());
  // a full disk or a reader that went away costs lines, never the gateway
  buffered.on("error", () => onDropped?.());
  const flush = (): void => {
    try {
      buffered.flushSync();
    } catch {
      // closed already, or the reader is gone: nobody is left to tell
    }
  };
  let closing: Promise<void> | undefined;
  return {
    line(text) {
      // whoever is still busy while the process ends may speak, and is not heard
      if (closing === undefined) buffered.write(text);
    },
    flush,
    close: () => (closing ??= closed(buffered)),
  };
}

/** Each write to a file is whole, however long: the kernel lets one process at a time write there. */
function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

/** Writes the rest and lets go of the descriptor (standard output stays open); a reader that takes nothing is left after a second. */
function closed(buffered: ReturnType<typeof fileDestination>): Promise<void> {
  return new Promise((done) => {
    const impatient = setTimeout(done, 1000);
    for (const event of ["close", "error"]) {
      buffered.once(event, () => {
        clearTimeout(impatient);
        done();
      });
    }
    buffered.end();
  });
}

const PLAIN = /^[ -~]*$/;

/** JSON escapes what lies below U+0020; terminals and line readers act on more. Inside JSON these stand in strings only, so the escape is JSON again. */
const inOneLine = (text: string): string =>
  PLAIN.test(text)
    ? text
    : text.replace(/[\u007f-\u009f\u2028\u2029]/g, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);

function withPlainErrors(fields: Readonly<Record<string, unknown>>, withStack: boolean): Readonly<Record<string, unknown>> {
  let plain: Record<string, unknown> | undefined;
  for (const name in fields) {
    const value = fields[name];
    if (value instanceof Error)
      (plain ??= { ...fields })[name] = withStack ? { message: value.message, stack: value.stack } : { message: value.message };
  }
  return plain ?? fields;
}
