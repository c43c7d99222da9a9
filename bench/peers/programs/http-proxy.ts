import { Agent, createServer } from "node:http";
import httpProxy from "http-proxy";
import { sayPort } from "./say-port.ts";

const [upstreamPort = ""] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 128 });
const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${upstreamPort}`, agent, xfwd: true });
const server = createServer((request, response) =>
  proxy.web(request, response, {}, () => {
    if (!response.headersSent) response.writeHead(502);
    response.end();
  }),
);
server.listen(0, "127.0.0.1", () => sayPort(server.address()));
