import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Child, Children } from "../measure/children.ts";
import { freePort, listening } from "../measure/free-port.ts";

/** `2.6.12-1`, or nothing where HAProxy is not installed. */
export const haproxyVersion = (): string | undefined =>
  /version (\S+)/.exec(spawnSync("haproxy", ["-v"], { encoding: "utf8" }).stdout ?? "")?.[1];

/** Why a peer on HAProxy cannot run. */
export const haproxyMissing = (): string | undefined => (haproxyVersion() === undefined ? "haproxy is not installed" : undefined);

/** A HAProxy to start: what belongs inside its frontend, and sections after it. */
export interface HaproxyPlace {
  readonly children: Children;
  readonly directory: string;
  readonly upstreamPort: number;
  readonly frontend: string;
  readonly sections: string;
}

/** Starts a HAProxy of its own with one thread and without logs, its configuration inside `directory`. */
export async function startHaproxy(place: HaproxyPlace): Promise<Child & { readonly port: number }> {
  const port = await freePort();
  const file = join(place.directory, "haproxy.cfg");
  await writeFile(file, configuration(port, place));
  const child = await place.children.start({ name: "haproxy", command: "haproxy", args: ["-db", "-f", file] });
  await listening(port, "haproxy");
  return { ...child, port };
}

const configuration = (port: number, { upstreamPort, frontend, sections }: HaproxyPlace): string => `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
  http-reuse always
frontend public
  bind 127.0.0.1:${port}
  option forwardfor
${frontend}
  default_backend files
backend files
  server upstream 127.0.0.1:${upstreamPort}
${sections}
`;
