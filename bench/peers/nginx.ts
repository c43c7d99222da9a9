import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Child, Children } from "../measure/children.ts";
import { freePort, listening } from "../measure/free-port.ts";

/** `1.22.1`, or nothing where nginx is not installed. */
export const nginxVersion = (): string | undefined =>
  /nginx\/(\S+)/.exec(spawnSync("nginx", ["-v"], { encoding: "utf8" }).stderr ?? "")?.[1];

/** Why a peer on nginx cannot run. */
export const nginxMissing = (): string | undefined => (nginxVersion() === undefined ? "nginx is not installed" : undefined);

/** An nginx to start: what belongs inside `http { }`, told the port to listen on. */
export interface NginxPlace {
  readonly children: Children;
  readonly directory: string;
  readonly http: (port: number) => string;
}

/** Starts an nginx of its own with one worker, everything it writes inside `directory`. */
export async function startNginx({ children, directory, http }: NginxPlace): Promise<Child & { readonly port: number }> {
  const port = await freePort();
  const file = join(directory, "nginx.conf");
  await writeFile(file, configuration(directory, http(port)));
  const child = await children.start({
    name: "nginx",
    command: "nginx",
    args: ["-p", directory, "-e", join(directory, "error.log"), "-c", file],
  });
  await listening(port, "nginx");
  return { ...child, port };
}

const configuration = (directory: string, http: string): string => `daemon off;
worker_processes 1;
pid ${join(directory, "nginx.pid")};
error_log ${join(directory, "error.log")} error;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${join(directory, name)};`).join("\n  ")}
${http}
}
`;

/** A pool of kept-alive connections to a loopback port, under a name for `proxy_pass`. */
export const nginxPool = (name: string, port: number): string =>
  `  upstream ${name} { server 127.0.0.1:${port}; keepalive 128; keepalive_requests 1000000000; }`;

/** What both kinds of passing on need: HTTP/1.1 kept alive, and who asked. */
export const NGINX_PASS = `proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`;
