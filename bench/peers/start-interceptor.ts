import { accessSync, constants, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Child } from "../measure/children.ts";
import { nodeFlags } from "./node-flags.ts";
import type { Place } from "./peer.ts";
import type { ReviewTerms } from "./sallyport-terms.ts";

const INTERCEPTOR = fileURLToPath(new URL("programs/interceptor.ts", import.meta.url));

/** An interceptor that serves, and where. */
export interface StartedInterceptor extends Child {
  /** `grpcs://…` or `unix://…`. */
  readonly endpoint: string;
}

/** Starts the bench's interceptor in a process of its own. Rejects when it does not come up. */
export async function startInterceptor({ children, certificates }: Place, terms: ReviewTerms): Promise<StartedInterceptor> {
  const socketDirectory =
    terms.transport === "unix" ? await mkdtemp(join(trustedDirectory() ?? "", "sallyport-bench-")) : undefined;
  // outside the run's own directory, so it goes with the process, whatever that ends with
  if (socketDirectory !== undefined) process.once("exit", () => rmSync(socketDirectory, { recursive: true, force: true }));
  const { caFile, client, server } = certificates;
  const flags =
    socketDirectory !== undefined
      ? ["--listen", `unix://${join(socketDirectory, "review.sock")}`]
      : ["--listen", "grpcs://127.0.0.1:0", "--ca", caFile, "--cert", server.certFile, "--key", server.keyFile];
  const child = await children.start({
    name: "the bench's interceptor",
    command: process.execPath,
    args: [...nodeFlags(), INTERCEPTOR, ...flags, ...(socketDirectory === undefined ? ["--client-name", client.dnsName] : [])],
    env: { NODE_ENV: "production", BENCH_TERMS: JSON.stringify(terms) },
    readyLine: /"message":"listening".*?"((?:grpcs|unix):\/\/[^"]+)"/,
  });
  return { ...child, endpoint: child.said };
}

/** Why there can be no trusted socket here; absent when there can. */
export const noTrustedDirectory = (): string | undefined =>
  trustedDirectory() === undefined ? "a trusted socket needs XDG_RUNTIME_DIR, or /run for root" : undefined;

/** Where nobody else can put a socket: `/tmp` is everybody's, and the gateway would refuse it (C39). */
function trustedDirectory(): string | undefined {
  return [process.env["XDG_RUNTIME_DIR"], process.getuid?.() === 0 ? "/run" : undefined].find((path) => {
    try {
      if (path !== undefined) accessSync(path, constants.W_OK);
      return path !== undefined;
    } catch {
      return false;
    }
  });
}
