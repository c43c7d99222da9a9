import type { Peer } from "./peer.ts";
import { startProgram } from "./program.ts";

/** `@fastify/http-proxy` as its README sets it up. */
export const fastifyHttpProxy: Peer = {
  name: "@fastify/http-proxy",
  description: "one process, its own defaults, no logger",
  missing: () => undefined,
  async start({ children, upstreamPort }) {
    const proxy = await startProgram(children, "fastify-http-proxy", [`${upstreamPort}`]);
    return { url: `http://127.0.0.1:${proxy.port}`, pids: [{ role: "gateway", pid: proxy.pid }], stop: () => proxy.stop() };
  },
};
