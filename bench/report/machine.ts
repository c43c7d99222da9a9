import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { caddyVersion } from "../peers/caddy.ts";
import { haproxyVersion } from "../peers/haproxy.ts";
import { nginxVersion } from "../peers/nginx.ts";
import type { Machine } from "./report.ts";

const PACKAGES = ["fastify", "@fastify/http-proxy", "@fastify/reply-from", "@grpc/grpc-js", "http-proxy"];

/** The machine and the versions on it; `installed` is the bench's own `node_modules`. */
export function machineFacts(installed: string, loadTool: string): Machine {
  const processors = cpus();
  const [loadBefore = 0] = loadavg();
  // `-dirty` where what ran was not what that commit holds; without locks, because somebody may be committing
  const revision = spawnSync("git", ["--no-optional-locks", "describe", "--always", "--dirty"], {
    cwd: import.meta.dirname,
    encoding: "utf8",
  }).stdout?.trim();
  return {
    cpu: processors[0]?.model.replace(/\s+/g, " ").trim() || arch(),
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    loadBefore,
    versions: {
      sallyport: revision || "unknown",
      node: process.version,
      ...installedPrograms(),
      ...Object.fromEntries(PACKAGES.map((name) => [name, packageVersion(join(installed, name))])),
      load: loadTool,
    },
  };
}

function installedPrograms(): Readonly<Record<string, string>> {
  const versions = { nginx: nginxVersion(), HAProxy: haproxyVersion(), Caddy: caddyVersion() };
  return Object.fromEntries(
    Object.entries(versions).flatMap(([name, version]) => (version === undefined ? [] : [[name, version]])),
  );
}

function packageVersion(directory: string): string {
  // every installed package has one
  const { version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as { readonly version: string };
  return version;
}
