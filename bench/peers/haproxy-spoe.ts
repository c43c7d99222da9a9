import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { haproxyMissing, startHaproxy } from "./haproxy.ts";
import type { Peer } from "./peer.ts";
import { startProgram } from "./program.ts";

/** HAProxy that asks an agent about every request, by its stream processing offload. */
export const haproxySpoe: Peer = {
  name: "HAProxy SPOE + Node agent",
  description:
    "one thread; one message with every request header over plain TCP to an agent of one Node process, whose variable becomes a header; no log",
  missing: haproxyMissing,
  async start({ children, directory, upstreamPort }) {
    const agent = await startProgram(children, "spoe-agent");
    const engine = join(directory, "spoe.conf");
    await writeFile(engine, ENGINE);
    const frontend = `  filter spoe engine review config ${engine}
  http-request deny unless { var(txn.review.tenant) -m found }
  http-request set-header x-verified-tenant %[var(txn.review.tenant)]`;
    const sections = `backend agents
  mode tcp
  server agent 127.0.0.1:${agent.port}`;
    const haproxy = await startHaproxy({ children, directory, upstreamPort, frontend, sections });
    return {
      url: `http://127.0.0.1:${haproxy.port}`,
      pids: [
        { role: "gateway", pid: haproxy.pid },
        { role: "service", pid: agent.pid },
      ],
      stop: async () => void (await Promise.all([haproxy.stop(), agent.stop()])),
    };
  },
};

const ENGINE = `[review]
spoe-agent review
  messages check
  option var-prefix review
  timeout hello 2s
  timeout idle 300s
  timeout processing 5s
  use-backend agents
spoe-message check
  args headers=req.hdrs
  event on-frontend-http-request
`;
