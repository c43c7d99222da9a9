import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { testCertificates } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { gatewayFiles, TLS } from "../support/start-interceptor.ts";
import { startSallyport, type RunningSallyport } from "../support/start-sallyport.ts";
import { startUpstream } from "../support/start-upstream.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** Reviews at once; the service must never see more. */
export const CAP = 20;

/** Longest time for one review, milliseconds. */
export const TIMEOUT_MS = 500;

/** A gateway and an interceptor, each a process, and an upstream in this one. */
export interface Scene extends AsyncDisposable {
  readonly gateway: RunningSallyport;
  readonly guard: Guard;
  /** Of the route that is reviewed, and of the one that is not. */
  readonly guardedUrl: string;
  readonly plainUrl: string;
  /** Writes the configuration again, another one each time, and has it reloaded. */
  reload(turn: number): Promise<void>;
  /** Resident bytes of the gateway. */
  residentBytes(): Promise<number>;
}

/** The interceptor's process. */
export interface Guard {
  readonly pid: number;
  setDelay(delayMs: number): void;
  /** Most reviews it had at once. */
  mostInFlight(): Promise<number>;
  /** Kills it and starts another one on the same port. */
  restart(): Promise<void>;
}

/** Starts everything and waits until it is ready. `upstreamUrl`: an upstream of the caller's own. */
export async function openScene(upstreamUrl?: string): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const certificates = await testCertificates();
  const server = await certificates.server();
  const files = { ...(await gatewayFiles()), "server.pem": server.cert, "server.key": server.key };
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory.path, name), content);
  const url = upstreamUrl ?? stack.use(await startUpstream()).url;
  const guard = await startGuard(directory.path);
  stack.defer(() => guard.kill());
  const [port, adminPort] = [await freePort(), await freePort()];
  const config = (turn: number): string => `version: 1
listeners: [{ name: public, address: "127.0.0.1:${port}", protocols: [http1, h2c] }]
admin: { address: "127.0.0.1:${adminPort}", token_file: admin-token }
log: { reviews: none }
upstreams: { main: { endpoints: ["${url}"] } }
routes:
  - { name: guarded, match: { path: /guarded/** }, authenticate: [anonymous], upstream: main, max_body_bytes: 2GiB }
  - { name: plain, match: { path: /plain/** }, authenticate: [anonymous], upstream: main, labels: { turn: "${turn}" } }
interceptors:
  - name: guard
    endpoint: grpcs://127.0.0.1:${guard.port}
    tls: ${TLS}
    timeout: ${TIMEOUT_MS}ms
    max_concurrent_reviews: ${CAP}
    bindings: [{ id: guard, phase: pre-route, mode: validate, match: { routes: [guarded] } }]
`;
  await writeFile(join(directory.path, "gateway.yaml"), config(0));
  const gateway = stack.use(startSallyport(["run", "gateway.yaml"], { cwd: directory.path }));
  await untilReady(`http://127.0.0.1:${adminPort}/ready`);
  return {
    gateway,
    guard,
    guardedUrl: `http://127.0.0.1:${port}/guarded/a`,
    plainUrl: `http://127.0.0.1:${port}/plain/a`,
    reload: (turn) => writeFile(join(directory.path, "gateway.yaml"), config(turn)),
    residentBytes: () => residentBytes(gateway.pid),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function startGuard(directory: string): Promise<Guard & { readonly port: number; kill(): void }> {
  let { child, port } = await forkGuard(directory, 0);
  return {
    port,
    get pid() {
      return child.pid ?? 0;
    },
    setDelay: (delayMs) => void child.send({ delayMs }),
    async mostInFlight() {
      child.send({});
      // answers in order, and nobody else asks
      const [{ mostInFlight }] = (await once(child, "message")) as [{ readonly mostInFlight: number }];
      return mostInFlight;
    },
    async restart() {
      child.kill("SIGKILL");
      await once(child, "exit");
      ({ child, port } = await forkGuard(directory, port));
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

async function forkGuard(directory: string, port: number): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const program = fileURLToPath(new URL("guard.ts", import.meta.url));
  const child = fork(program, [directory, String(port)], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  // the first thing it says
  const [said] = (await once(child, "message")) as [{ readonly port: number }];
  return { child, port: said.port };
}

/** Resolves when a gateway says that it is ready. */
export async function untilReady(url: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.status === 200) return;
    if (performance.now() > deadline) throw new Error("the gateway did not become ready");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Resident bytes of a process. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}
