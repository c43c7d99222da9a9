import { haproxyMissing, startHaproxy } from "./haproxy.ts";
import type { Peer } from "./peer.ts";

/** HAProxy as a plain reverse proxy. */
export const haproxyProxy: Peer = {
  name: "HAProxy",
  description: "one thread, kept-alive connections to the upstream, no log",
  missing: haproxyMissing,
  async start({ children, directory, upstreamPort }) {
    const haproxy = await startHaproxy({ children, directory, upstreamPort, frontend: "", sections: "" });
    return {
      url: `http://127.0.0.1:${haproxy.port}`,
      pids: [{ role: "gateway", pid: haproxy.pid }],
      stop: () => haproxy.stop(),
    };
  },
};
