import type { Children } from "./measure/children.ts";
import { nginxVersion, startNginx } from "./peers/nginx.ts";
import { startProgram } from "./peers/program.ts";
import { UPSTREAM_BODY } from "./upstream-body.ts";

/** The upstream all peers share. It tells in `x-saw-tenant` what a review made it see. */
export interface Upstream {
  readonly name: string;
  readonly port: number;
}

/** nginx where it is installed, because it takes the least from the peers; otherwise `node:http`. */
export async function startUpstream(children: Children, directory: string): Promise<Upstream> {
  const version = nginxVersion();
  if (version === undefined)
    return { name: `node:http ${process.version}`, port: (await startProgram(children, "node-upstream")).port };
  const { port } = await startNginx({ children, directory, http: httpSection });
  return { name: `nginx ${version}`, port };
}

const httpSection = (port: number): string => `  server {
    listen 127.0.0.1:${port};
    location / {
      default_type application/json;
      add_header x-saw-tenant $http_x_verified_tenant;
      return 200 '${UPSTREAM_BODY}';
    }
  }`;
