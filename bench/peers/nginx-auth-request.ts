import { NGINX_PASS, nginxMissing, nginxPool, startNginx } from "./nginx.ts";
import type { Peer } from "./peer.ts";
import { startProgram } from "./program.ts";

/** nginx that asks an HTTP service about every request and passes a header of its answer on. */
export const nginxAuthRequest: Peer = {
  name: "nginx auth_request + node:http",
  description:
    "one worker; the subrequest carries every request header over kept-alive plain HTTP to a node:http service; no access log",
  missing: nginxMissing,
  async start({ children, directory, upstreamPort }) {
    const service = await startProgram(children, "http-reviewer");
    const nginx = await startNginx({
      children,
      directory,
      http: (port) => httpSection(port, { upstreamPort, servicePort: service.port }),
    });
    return {
      url: `http://127.0.0.1:${nginx.port}`,
      pids: [
        { role: "gateway", pid: nginx.pid },
        { role: "service", pid: service.pid },
      ],
      stop: async () => void (await Promise.all([nginx.stop(), service.stop()])),
    };
  },
};

const httpSection = (
  port: number,
  { upstreamPort, servicePort }: { readonly upstreamPort: number; readonly servicePort: number },
): string => `${nginxPool("files", upstreamPort)}
${nginxPool("review", servicePort)}
  server {
    listen 127.0.0.1:${port};
    location = /.review {
      internal;
      proxy_pass http://review;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Original-URI $request_uri;
      ${NGINX_PASS}
    }
    location / {
      auth_request /.review;
      auth_request_set $tenant $upstream_http_x_verified_tenant;
      proxy_set_header X-Verified-Tenant $tenant;
      proxy_pass http://files;
      ${NGINX_PASS}
    }
  }`;
