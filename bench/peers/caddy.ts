import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, listening } from "../measure/free-port.ts";
import type { Child } from "../measure/children.ts";
import type { Peer, Place } from "./peer.ts";
import { startProgram } from "./program.ts";

/** `2.6.2`, or nothing where Caddy is not installed. */
export const caddyVersion = (): string | undefined =>
  /^v?(\d\S*)/.exec(spawnSync("caddy", ["version"], { encoding: "utf8" }).stdout ?? "")?.[1];

const missing = (): string | undefined => (caddyVersion() === undefined ? "caddy is not installed" : undefined);

/** Caddy as a plain reverse proxy. */
export const caddyProxy: Peer = {
  name: "Caddy",
  description: "its own defaults but for the pool of kept-alive connections; no access log",
  missing,
  async start(place) {
    const caddy = await startCaddy(place, "");
    return { url: `http://127.0.0.1:${caddy.port}`, pids: [{ role: "gateway", pid: caddy.pid }], stop: () => caddy.stop() };
  },
};

/** Caddy that asks an HTTP service about every request and passes a header of its answer on. */
export const caddyForwardAuth: Peer = {
  name: "Caddy forward_auth + node:http",
  description: "the same Caddy; every request header over kept-alive plain HTTP to a node:http service",
  missing,
  async start(place) {
    const service = await startProgram(place.children, "http-reviewer");
    const caddy = await startCaddy(
      place,
      `  forward_auth 127.0.0.1:${service.port} {
    uri /
    copy_headers X-Verified-Tenant
    ${POOL}
  }`,
    );
    return {
      url: `http://127.0.0.1:${caddy.port}`,
      pids: [
        { role: "gateway", pid: caddy.pid },
        { role: "service", pid: service.pid },
      ],
      stop: async () => void (await Promise.all([caddy.stop(), service.stop()])),
    };
  },
};

const POOL = "transport http {\n      keepalive_idle_conns_per_host 128\n    }";

async function startCaddy(
  { children, directory, upstreamPort }: Place,
  review: string,
): Promise<Child & { readonly port: number }> {
  const port = await freePort();
  const file = join(directory, "Caddyfile");
  await writeFile(
    file,
    `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  bind 127.0.0.1
${review}
  reverse_proxy 127.0.0.1:${upstreamPort} {
    ${POOL}
  }
}
`,
  );
  const child = await children.start({
    name: "caddy",
    command: "caddy",
    args: ["run", "--adapter", "caddyfile", "--config", file],
    env: { HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
  });
  await listening(port, "caddy");
  return { ...child, port };
}
