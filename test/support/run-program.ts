import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** What a program did. */
export interface ProgramRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, 50 seconds at most: rather the machine is busy than the program stuck. Rejects only when it cannot be started or overstays. */
export function runProgram(
  file: string,
  argv: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly timeoutMs?: number;
  } = {},
): Promise<ProgramRun> {
  const { timeoutMs = 50_000, ...rest } = options;
  return new Promise((resolve, reject) => {
    // killed, because a program that heeds SIGTERM would seem to have ended by itself
    execFile(
      file,
      argv,
      { ...rest, timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) return resolve({ code: 0, stdout, stderr });
        if (typeof error.code === "number") return resolve({ code: error.code, stdout, stderr });
        reject(new Error(`${file} ${argv.join(" ")} did not run to its end: ${error.message}\n${stderr}`));
      },
    );
  });
}

/** Where a program of this machine is: on the PATH, or where administrators' programs are. Undefined: it is not installed. */
export function programPath(name: string): string | undefined {
  const directories = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
