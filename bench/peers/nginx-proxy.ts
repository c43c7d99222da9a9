import { NGINX_PASS, nginxMissing, nginxPool, startNginx } from "./nginx.ts";
import type { Peer } from "./peer.ts";

/** nginx as a plain reverse proxy. */
export const nginxProxy: Peer = {
  name: "nginx",
  description: "one worker, kept-alive connections to the upstream, no access log",
  missing: nginxMissing,
  async start({ children, directory, upstreamPort }) {
    const nginx = await startNginx({ children, directory, http: (port) => httpSection(port, upstreamPort) });
    return { url: `http://127.0.0.1:${nginx.port}`, pids: [{ role: "gateway", pid: nginx.pid }], stop: () => nginx.stop() };
  },
};

const httpSection = (port: number, upstreamPort: number): string => `${nginxPool("files", upstreamPort)}
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://files;
      ${NGINX_PASS}
    }
  }`;
