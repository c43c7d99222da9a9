import { NGINX_PASS, nginxMissing, nginxPool, startNginx } from "./nginx.ts";
import type { Peer } from "./peer.ts";

const secureNginx = (name: string, description: string, listen: string): Peer => ({
  name,
  description,
  missing: nginxMissing,
  async start({ children, directory, upstreamPort, certificates: { server } }) {
    const http = (port: number): string => `${nginxPool("files", upstreamPort)}
  server {
    listen 127.0.0.1:${port} ${listen};
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
});

/** nginx as a plain reverse proxy with TLS in front. */
export const nginxTls = secureNginx(
  "nginx, TLS",
  "the same nginx with the certificate ours has, its own choice of protocol and cipher",
  "ssl",
);

/** The same with HTTP/2. */
export const nginxHttp2 = secureNginx("nginx, HTTP/2", "the same with HTTP/2 in front", "ssl http2");
