import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** An example interceptor in a process of its own. */
export interface DemoInterceptor extends AsyncDisposable {
  readonly port: number;
}

/** Files its TLS needs. */
export interface DemoTls {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** How long a process may take to listen, and to stop, milliseconds. */
const PATIENCE_MS = 10_000;

/** Starts `examples/interceptors/<name>` on a free loopback port over mTLS and waits until it listens. Rejects with what it said when it does not. */
export async function startDemoInterceptor(name: string, tls: DemoTls): Promise<DemoInterceptor> {
  const script = fileURLToPath(new URL(`../../../examples/interceptors/${name}/${name}.ts`, import.meta.url));
  const flags = [
    "--listen",
    "grpcs://127.0.0.1:0",
    "--ca",
    tls.caFile,
    "--cert",
    tls.certFile,
    "--key",
    tls.keyFile,
    "--client-name",
    "gateway.demo",
  ];
  const child = spawn(process.execPath, [script, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = `${said}${text}`.slice(-2_000)));
  try {
    return { port: await listeningPort(child), [Symbol.asyncDispose]: () => stop(child) };
  } catch (error) {
    await stop(child);
    throw new Error(`the ${name} interceptor did not start: ${error instanceof Error ? error.message : String(error)}\n${said}`, {
      cause: error,
    });
  }
}

function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => {
      clearTimeout(timer);
      reject(new Error(reason));
    };
    const timer = setTimeout(() => fail(`no listening line within ${PATIENCE_MS} ms`), PATIENCE_MS);
    child.once("exit", (code, signal) => fail(`it exited with ${code ?? signal}`));
    child.once("error", (error) => fail(error.message));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on("line", (line) => {
      const port = /:(\d+)"/.exec(/"address":"[^"]*"/.exec(line)?.[0] ?? "")?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
  });
}

/** SIGTERM, and SIGKILL for one that does not go. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  await gone;
  clearTimeout(timer);
}
