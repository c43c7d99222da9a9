import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { writeFile } from "node:fs/promises";
import { testCertificates } from "../../support/certificates.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

/** Root of the repository. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** An interceptor in a process of its own, over mTLS. */
export interface ExampleProcess extends AsyncDisposable {
  readonly port: number;
  /** When its listening line was read, monotonic milliseconds. */
  readonly listeningMs: number;
  /** kill -9; resolves when the process is gone. */
  kill(): Promise<void>;
}

/** Runs a script that ends in `serveFromEnv`, and waits for its listening line. Rejects with what it said when it ends before. */
export async function startExample(script: string, port = 0): Promise<ExampleProcess> {
  const files = await temporaryDirectory();
  const certificates = await testCertificates();
  const { cert, key } = await certificates.server();
  for (const [name, text] of Object.entries({ "ca.pem": certificates.ca, "own.pem": cert, "own.key": key }))
    await writeFile(files.file(name), text);
  const flags = [
    "--listen",
    `grpcs://127.0.0.1:${port}`,
    "--ca",
    files.file("ca.pem"),
    "--cert",
    files.file("own.pem"),
    "--key",
    files.file("own.key"),
  ];
  const child = spawn(process.execPath, [script, ...flags], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  try {
    const bound = await listening(child);
    return {
      port: bound,
      listeningMs: performance.now(),
      kill,
      async [Symbol.asyncDispose]() {
        await kill();
        await files[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await kill();
    await files[Symbol.asyncDispose]();
    throw error;
  }
}

function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`it exited with ${code} before it listened:\n${said}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on("line", (line) => {
      const port = /"message":"listening".*"address":"[^"]*:(\d+)"|"address":"[^"]*:(\d+)".*"message":"listening"/.exec(line);
      if (port !== null) resolve(Number(port[1] ?? port[2]));
    });
  });
}
