import { NGINX_PASS, nginxMissing, nginxPool, startNginx } from "./nginx.ts";
import type { Peer } from "./peer.ts";

/** nginx as a plain reverse proxy with TLS in front. */
export const nginxTls: Peer = {
  name: "nginx, TLS",
  description: "the same nginx with the certificate ours has, its own choice of protocol and cipher",
  missing: nginxMissing,
  async start({ children, directory, upstreamPort, certificates: { server } }) {
    const http = (port: number): string => `${nginxPool("files", upstreamPort)}
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${server.certFile};
    ssl_certificate_key ${server.keyFile};
    location / {
      proxy_pass http://files;
      ${NGINX_PASS}
    }
  }`;
    const nginx = await startNginx({ children, directory, http });
    return { url: `https://127.0.0.1:${nginx.port}`, pids: [{ role: "gateway", pid: nginx.pid }], stop: () => nginx.stop() };
  },
};
