import type { Peer } from "./peer.ts";
import { startProgram } from "./program.ts";

/** The `http-proxy` package, which many gateways in Node are still made of. */
export const httpProxy: Peer = {
  name: "http-proxy",
  description: "one process, version 1.18 of 2020, with a kept-alive agent, which is not its default",
  missing: () => undefined,
  async start({ children, upstreamPort }) {
    const proxy = await startProgram(children, "http-proxy", [`${upstreamPort}`]);
    return { url: `http://127.0.0.1:${proxy.port}`, pids: [{ role: "gateway", pid: proxy.pid }], stop: () => proxy.stop() };
  },
};
