import { closeSync, ftruncateSync, openSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Child, Children } from "../measure/children.ts";
import type { Certificates, Peer, Place } from "./peer.ts";
import { sallyportConfig } from "./sallyport-config.ts";

/** How a gateway of ours is set up. */
export interface SallyportTerms {
  readonly name: string;
  readonly description: string;
  /** Mutate bindings on the reviewed route, one after the other; 0 leaves the interceptor out altogether. */
  readonly reviews: number;
  /** What the bindings are shown. */
  readonly needs: readonly string[];
}

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const INTERCEPTOR = fileURLToPath(new URL("programs/interceptor.ts", import.meta.url));
const READY_WITHIN_MS = 30_000;

/** Our gateway as an operator starts it: `sallyport run`, access log to a file, metrics on; the interceptor in a process of its own over mTLS. */
export function sallyport({ name, description, reviews, needs }: SallyportTerms): Peer {
  return {
    name,
    description,
    missing: () => undefined,
    async start(place) {
      const interceptor = reviews === 0 ? undefined : await startInterceptor(place, { reviews, needs });
      const gateway = await startGateway(place, { reviews, interceptorPort: Number(interceptor?.said ?? 0) });
      const parts = [{ role: "gateway" as const, pid: gateway.pid }];
      return {
        url: gateway.url,
        pids: interceptor === undefined ? parts : [...parts, { role: "service" as const, pid: interceptor.pid }],
        afterBurst: () => ftruncateSync(gateway.logFd),
        async stop() {
          await Promise.all([gateway.stop(), interceptor?.stop()]);
          closeSync(gateway.logFd);
        },
      };
    },
  };
}

function startInterceptor(
  { children, certificates }: Place,
  { reviews, needs }: Pick<SallyportTerms, "reviews" | "needs">,
): Promise<Child> {
  const { caFile, client, server } = certificates;
  const flags = [
    "--listen",
    "grpcs://127.0.0.1:0",
    "--ca",
    caFile,
    "--cert",
    server.certFile,
    "--key",
    server.keyFile,
    "--client-name",
    client.dnsName,
  ];
  return children.start({
    name: "the bench's interceptor",
    command: process.execPath,
    args: [...nodeFlags(), INTERCEPTOR, ...flags],
    env: { NODE_ENV: "production", BENCH_REVIEWS: `${reviews}`, BENCH_NEEDS: needs.join(",") },
    readyLine: /"message":"listening".*?:(\d+)"/,
  });
}

/** A gateway that serves. */
interface StartedGateway extends Child {
  readonly url: string;
  readonly logFd: number;
}

async function startGateway(
  { children, certificates, directory, upstreamPort }: Place,
  wish: { readonly reviews: number; readonly interceptorPort: number },
): Promise<StartedGateway> {
  const file = join(directory, "gateway.yaml");
  await writeFile(file, sallyportConfig({ ...wish, upstreamPort, certificates }));
  // not beside the configuration: that directory is watched, and every line written there is a change to look at;
  // opened for appending, so that cutting it between bursts does not leave a hole
  await mkdir(join(directory, "log"));
  const logFd = openSync(join(directory, "log", "gateway.log"), "a");
  const args = [...nodeFlags(), MAIN, "run", file, "--json"];
  const gateway = await children.start({
    name: "sallyport",
    command: process.execPath,
    args,
    env: { NODE_ENV: "production" },
    stdout: logFd,
    readyLine: /^(\{"listeners".*\})$/m,
  });
  // said by `run --json`
  const said = JSON.parse(gateway.said) as {
    readonly listeners: readonly { readonly port: number }[];
    readonly admin: { readonly port: number };
  };
  await ready(said.admin.port);
  return { ...gateway, url: `http://127.0.0.1:${said.listeners[0]?.port}`, logFd };
}

/** Flags for the Node of our gateway and interceptor, for profiles: `BENCH_NODE_FLAGS="--cpu-prof --cpu-prof-dir=profiles"`. */
const nodeFlags = (): readonly string[] => (process.env["BENCH_NODE_FLAGS"] ?? "").split(" ").filter((flag) => flag !== "");

async function ready(adminPort: number): Promise<void> {
  let last = "no answer";
  for (const endMs = Date.now() + READY_WITHIN_MS; Date.now() < endMs; await wait(100)) {
    const response = await fetch(`http://127.0.0.1:${adminPort}/ready`, { signal: AbortSignal.timeout(2_000) }).catch(
      () => undefined,
    );
    if (response?.status === 200) return;
    last = (await response?.text()) ?? last;
  }
  throw new Error(`the gateway is not ready after ${READY_WITHIN_MS} ms: ${last}`);
}

/** Makes the certificates of one run with `sallyport certs`. */
export async function makeCertificates(children: Children, directory: string, signal: AbortSignal): Promise<Certificates> {
  const make = async (name: string, side: "--client" | "--server") => {
    const dnsName = `${name}.bench`;
    const args = [MAIN, "certs", "--out", directory, "--name", name, "--dns", dnsName, side];
    await children.run({ name: "sallyport certs", command: process.execPath, args }, { deadlineMs: 30_000, signal });
    return { certFile: join(directory, `${name}.pem`), keyFile: join(directory, `${name}.key`), dnsName };
  };
  // one after the other: the first makes the authority
  const client = await make("gateway", "--client");
  return { caFile: join(directory, "ca.pem"), client, server: await make("interceptor", "--server") };
}
