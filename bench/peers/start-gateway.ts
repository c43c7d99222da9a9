import { openSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Child } from "../measure/children.ts";
import { nodeFlags } from "./node-flags.ts";
import type { Place } from "./peer.ts";
import { sallyportConfig } from "./sallyport-config.ts";
import type { SallyportTerms } from "./sallyport-terms.ts";

/** The program an operator starts. */
export const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Ready only when its interceptors are; 10,000 bindings take their time. */
const READY_WITHIN_MS = 120_000;

/** A gateway that serves. */
export interface StartedGateway extends Child {
  readonly url: string;
  readonly adminPort: number;
  readonly logFd: number;
}

/** `sallyport run`, its access log in a file. Resolves when it is ready; rejects when it does not come up. */
export async function startGateway(place: Place, terms: SallyportTerms, endpoint: string): Promise<StartedGateway> {
  const { children, directory } = place;
  const file = join(directory, "gateway.yaml");
  await writeFile(file, sallyportConfig(terms, { ...place, endpoint }));
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
    readyWithinMs: READY_WITHIN_MS,
  });
  // said by `run --json`
  const said = JSON.parse(gateway.said) as {
    readonly listeners: readonly { readonly port: number }[];
    readonly admin: { readonly port: number };
  };
  await ready(said.admin.port);
  const scheme = terms.hasTls === true ? "https" : "http";
  return { ...gateway, url: `${scheme}://127.0.0.1:${said.listeners[0]?.port}`, adminPort: said.admin.port, logFd };
}

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
