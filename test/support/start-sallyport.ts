import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { runProgram, type ProgramRun } from "./run-program.ts";

/** The program as it is started by people. */
export const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Compiled sources of one process are the next one's: a start costs half. */
const COMPILE_CACHE = fileURLToPath(new URL("../../node_modules/.cache/sallyport-e2e", import.meta.url));

/** Where a process runs, and in which environment (on top of this one's, without its `SALLYPORT_*`). */
export interface Surroundings {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs `sallyport <argv>` as a process of its own, to its end. */
export const sallyport = (argv: readonly string[], surroundings: Surroundings): Promise<ProgramRun> =>
  runProgram(process.execPath, [MAIN, ...argv], { cwd: surroundings.cwd, env: environment(surroundings) });

/** A `sallyport` process that stays. */
export interface RunningSallyport extends AsyncDisposable {
  readonly pid: number;
  /** Everything it wrote so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Lines of its log so far: standard output as JSON. */
  lines(): readonly Readonly<Record<string, unknown>>[];
  /** Resolves when what it wrote satisfies; rejects when it ends before, or after `deadlineMs`. */
  until(
    satisfied: (written: { readonly stdout: string; readonly stderr: string }) => boolean,
    deadlineMs?: number,
  ): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** The same; rejects with everything it wrote where that takes longer than it may. */
  endsWithin(deadlineMs: number): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Resolves when it is gone. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Starts `sallyport <argv>`; disposing kills it if it is still there. */
export function startSallyport(argv: readonly string[], surroundings: Surroundings): RunningSallyport {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    cwd: surroundings.cwd,
    env: environment(surroundings),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const written = { stdout: "", stderr: "" };
  const waiting = new Set<() => void>();
  const look = (): void => waiting.forEach((each) => each());
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
      look();
    });
  }
  // close, not exit: by then everything it wrote is here
  const ended = new Promise<Awaited<RunningSallyport["ended"]>>((resolve) =>
    child.once("close", (code, signal) => resolve({ code, signal })),
  );
  void ended.then(look);
  return {
    pid: child.pid ?? 0,
    get stdout() {
      return written.stdout;
    },
    get stderr() {
      return written.stderr;
    },
    lines: () => linesOf(written.stdout),
    until: (satisfied, deadlineMs = 15_000) => untilWritten({ child, written, waiting }, satisfied, deadlineMs),
    signal: (name) => void child.kill(name),
    ended,
    async endsWithin(deadlineMs) {
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => late.reject(new Error(`alive after ${deadlineMs} ms; it wrote:\n${written.stdout}\n${written.stderr}`)),
        deadlineMs,
      );
      return Promise.race([ended, late.promise]).finally(() => clearTimeout(timer));
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

interface Watched {
  readonly child: ChildProcess;
  readonly written: { readonly stdout: string; readonly stderr: string };
  readonly waiting: Set<() => void>;
}

function untilWritten(
  { child, written, waiting }: Watched,
  satisfied: (written: Watched["written"]) => boolean,
  deadlineMs: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      waiting.delete(look);
      if (error === undefined) resolve();
      else reject(error);
    };
    const timer = setTimeout(
      () => settle(new Error(`not within ${deadlineMs} ms; it wrote:\n${written.stdout}\n${written.stderr}`)),
      deadlineMs,
    );
    const look = (): void => {
      if (satisfied(written)) settle();
      else if (child.exitCode !== null || child.signalCode !== null)
        settle(new Error(`it ended with ${child.exitCode ?? child.signalCode}; it wrote:\n${written.stdout}\n${written.stderr}`));
    };
    waiting.add(look);
    look();
  });
}

const linesOf = (text: string): readonly Readonly<Record<string, unknown>>[] =>
  text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>); // the log writes objects only

/** What `run --json` says about where it listens. */
export interface Listening {
  /** Of the first listener. */
  readonly url: string;
  readonly adminUrl: string;
}

/** How long a start may take, milliseconds: 16 s were seen where five others wanted the two cores. */
const START_MS = 45_000;

/** Resolves when a `sallyport run --json` has come up. */
export async function listening(process: RunningSallyport): Promise<Listening> {
  const line = /^\{"listeners":.*\}$/m;
  await process.until(({ stderr }) => line.test(stderr), START_MS);
  const said = JSON.parse(line.exec(process.stderr)?.[0] ?? "{}") as {
    listeners: { scheme: string; port: number }[];
    admin: { port: number };
  }; // run.ts writes it
  const [door] = said.listeners;
  return { url: `${door?.scheme}://127.0.0.1:${door?.port}`, adminUrl: `http://127.0.0.1:${said.admin.port}` };
}

function environment({ env = {} }: Surroundings): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("SALLYPORT_") && !name.startsWith("VITEST"));
  return { ...Object.fromEntries(inherited), NO_COLOR: "1", NODE_COMPILE_CACHE: COMPILE_CACHE, ...env };
}
