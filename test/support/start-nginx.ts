import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** An nginx of this machine, serving a directory. */
export interface TestNginx extends AsyncDisposable {
  readonly url: string;
  /** Its access log and error log so far are files in here: `access.log`, `error.log`. */
  readonly directory: string;
}

const PATIENCE_MS = 10_000;

/** Starts nginx on a free loopback port. `files` are what it serves, `server` are lines inside its `server` block. */
export async function startNginx(
  program: string,
  { files, server = "" }: { readonly files: Readonly<Record<string, string | Uint8Array>>; readonly server?: string },
): Promise<TestNginx> {
  const directory = await temporaryDirectory();
  const port = await freePort();
  await mkdir(directory.file("www"));
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory.file("www"), name), content);
  await writeFile(directory.file("nginx.conf"), configuration({ directory: directory.path, port, server }));
  const child = spawn(program, ["-p", directory.path, "-e", directory.file("error.log"), "-c", directory.file("nginx.conf")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const gone = once(child, "exit");
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      await gone;
    }
    await directory[Symbol.asyncDispose]();
  };
  try {
    await Promise.race([accepts(port), gone.then(([code]) => Promise.reject(new Error(`nginx ended with ${code}: ${said}`)))]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, directory: directory.path, [Symbol.asyncDispose]: stop };
}

/** Everything nginx would write elsewhere is put into the directory; as root it would otherwise change to a user who may not read it. */
const configuration = ({
  directory,
  port,
  server,
}: {
  readonly directory: string;
  readonly port: number;
  readonly server: string;
}): string => `daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
${process.getuid?.() === 0 ? "user root;" : ""}
events { worker_connections 128; }
http {
  access_log ${directory}/access.log;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  types { text/plain txt; application/json json; }
  server {
    listen 127.0.0.1:${port};
    root ${directory}/www;
    ${server}
  }
}
`;

/** Resolves once somebody accepts connections on the port. */
async function accepts(port: number): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      // nothing announces the moment: ask again soon
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      socket.destroy();
    }
  }
}
