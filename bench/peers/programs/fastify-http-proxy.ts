import httpProxy from "@fastify/http-proxy";
import fastify from "fastify";
import { sayPort } from "./say-port.ts";

const [upstreamPort = ""] = process.argv.slice(2);
const server = fastify();
server.register(httpProxy, { upstream: `http://127.0.0.1:${upstreamPort}` });
await server.listen({ port: 0, host: "127.0.0.1" });
sayPort(server.server.address());
