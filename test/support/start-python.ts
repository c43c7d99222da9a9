import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { testCertificates } from "./certificates.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** Where the Python example is. */
export const PYTHON_NAMING = fileURLToPath(new URL("../../examples/interceptors/python-naming/", import.meta.url));

const PATIENCE_MS = 20_000;

/**
 * A Python that has gRPC and protobuf; undefined where there is none (Debian: `apt-get install python3-grpcio python3-protobuf`). The
 * first one in PATH may be another than the distribution's.
 */
export async function findPython(): Promise<string | undefined> {
  for (const program of ["python3", "/usr/bin/python3"]) {
    try {
      await promisify(execFile)(program, ["-c", "import grpc, google.protobuf"], { timeout: PATIENCE_MS });
      return program;
    } catch {
      // the next one, perhaps
    }
  }
  return undefined;
}

/** The Python example as a process of its own. */
export interface PythonInterceptor extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** Everything it wrote so far, for tests that fail. */
  readonly written: string;
  /** Ends it as an orchestrator does, and waits for it. */
  stop(): Promise<void>;
}

/** Starts it over mTLS on a free loopback port, or on a given one; its certificate is for `localhost`. */
export async function startPythonNaming(python: string, port = 0): Promise<PythonInterceptor> {
  const directory = await temporaryDirectory();
  const certificates = await testCertificates();
  const { cert, key } = await certificates.server();
  const files = { ca: certificates.ca, cert, key };
  for (const [name, text] of Object.entries(files)) await writeFile(directory.file(name), text);
  const flags = Object.keys(files).flatMap((name) => [`--${name}`, directory.file(name)]);
  const child = spawn(python, [`${PYTHON_NAMING}naming.py`, "--listen", `127.0.0.1:${port}`, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let written = "";
  const gone = once(child, "close");
  const listening = new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not listening within ${PATIENCE_MS} ms: ${written}`)), PATIENCE_MS);
    const look = (text: string): void => {
      written += text;
      const [, bound] = /"address": "grpcs:\/\/127\.0\.0\.1:(\d+)"/.exec(written) ?? [];
      if (bound === undefined) return;
      clearTimeout(timer);
      resolve(Number(bound));
    };
    child.stdout.setEncoding("utf8").on("data", look);
    child.stderr.setEncoding("utf8").on("data", look);
    void gone.then(() => {
      clearTimeout(timer);
      reject(new Error(`it ended: ${written}`));
    });
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await gone;
    await directory[Symbol.asyncDispose]();
  };
  try {
    return {
      port: await listening,
      pid: child.pid ?? 0,
      get written() {
        return written;
      },
      stop: () => end("SIGTERM"),
      [Symbol.asyncDispose]: () => end("SIGKILL"),
    };
  } catch (error) {
    await end("SIGKILL");
    throw error;
  }
}
