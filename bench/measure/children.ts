import { spawn, type ChildProcess } from "node:child_process";
import { processTree } from "./process-tree.ts";

/** A program to start, and how it says that it is up. */
export interface ChildCommand {
  /** For complaints. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** File descriptor that takes standard output; absent: the bench reads it. */
  readonly stdout?: number;
  /** A line on standard output or error; its first group is what `Child.said` holds. Absent: up at once. */
  readonly readyLine?: RegExp;
  /** How long that may take; 30 s where absent. */
  readonly readyWithinMs?: number;
}

/** A program that runs. */
export interface Child {
  readonly pid: number;
  /** First group of the ready line, or `""`. */
  readonly said: string;
  /** SIGTERM, and SIGKILL for the whole tree of one that does not go within five seconds. */
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 5_000;
/** Kept of what a child says, for the complaint when it fails, characters. */
const KEPT_OUTPUT = 4_000;

/** Every process of one run of the bench, so that none outlives it. */
export class Children {
  readonly #running = new Set<ChildProcess>();
  #closed = false;

  /** Resolves when the program is up; rejects with what it said when it ends or stays silent instead. */
  async start({ name, command, args, env = {}, stdout, ...readiness }: ChildCommand): Promise<Child> {
    const child = this.#spawn(command, args, { env, stdout });
    try {
      const said = await ready(child, name, readiness);
      if (child.pid === undefined) throw new Error(`${name} has no process id`);
      return { pid: child.pid, said, stop: () => stop(child) };
    } catch (error) {
      await stop(child);
      throw error;
    }
  }

  /** Runs a program to its end and resolves with its standard output; rejects on another exit code than 0, after `deadlineMs`, and on abort. */
  async run(
    { name, command, args, env = {} }: ChildCommand,
    { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
  ): Promise<string> {
    signal.throwIfAborted();
    const child = this.#spawn(command, args, { env, stdout: undefined });
    const whole: string[] = [];
    child.stdout?.setEncoding("utf8").on("data", (text: string) => whole.push(text));
    const errors = lastOutput(child.stderr);
    const timer = setTimeout(() => void stop(child), deadlineMs);
    const abort = (): void => void stop(child);
    signal.addEventListener("abort", abort, { once: true });
    try {
      const code = await ended(child);
      signal.throwIfAborted();
      if (code !== 0) throw new Error(`${name} ended with ${code}: ${errors()}`);
      return whole.join("");
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  /** Stops whatever still runs, and starts nothing any more. */
  async stopAll(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#running].map(stop));
  }

  /** For the last moment of the process: no await, no mercy. */
  killAll(): void {
    this.#closed = true;
    for (const child of this.#running) killTree(child);
  }

  #spawn(
    command: string,
    args: readonly string[],
    { env, stdout }: { readonly env: Readonly<Record<string, string>>; readonly stdout: number | undefined },
  ): ChildProcess {
    if (this.#closed) throw new Error("the bench is stopping");
    const child = spawn(command, [...args], { env: { ...process.env, ...env }, stdio: ["ignore", stdout ?? "pipe", "pipe"] });
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
    child.once("error", () => this.#running.delete(child));
    return child;
  }
}

function ready(
  child: ChildProcess,
  name: string,
  { readyLine, readyWithinMs = READY_WITHIN_MS }: Pick<ChildCommand, "readyLine" | "readyWithinMs">,
): Promise<string> {
  const outputs = [child.stdout, child.stderr].filter((stream) => stream !== null);
  const texts = outputs.map(lastOutput);
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`${name} ${why}: ${texts.map((text) => text()).join("\n")}`));
    const timer = setTimeout(() => fail(`was not up within ${readyWithinMs} ms`), readyWithinMs);
    const settle = (said: string): void => (clearTimeout(timer), resolve(said));
    child.once("error", (error) => (clearTimeout(timer), fail(`could not be started (${error.message})`)));
    child.once("exit", (code) => (clearTimeout(timer), fail(`ended with ${code}`)));
    if (readyLine === undefined) child.once("spawn", () => settle(""));
    else
      for (const [at, stream] of outputs.entries())
        stream.on("data", () => {
          const found = readyLine.exec(texts[at]?.() ?? "");
          if (found !== null) settle(found[1] ?? "");
        });
  });
}

function lastOutput(stream: ChildProcess["stderr"]): () => string {
  let text = "";
  stream?.setEncoding("utf8").on("data", (more: string) => (text = (text + more).slice(-KEPT_OUTPUT)));
  return () => text.trim();
}

const isGone = (child: ChildProcess): boolean => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code));
  });

async function stop(child: ChildProcess): Promise<void> {
  if (isGone(child)) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => killTree(child), STOP_WITHIN_MS);
  await gone;
  clearTimeout(timer);
}

/** A killed master would leave its workers behind, so all of them at once. */
function killTree(child: ChildProcess): void {
  if (child.pid === undefined || isGone(child)) return;
  for (const pid of processTree(child.pid)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // gone already
    }
  }
}
