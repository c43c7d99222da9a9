import type { LoadFigures } from "../measure/load.ts";
import type { Peer } from "./peer.ts";
import { startProgram } from "./program.ts";
import type { TransportKind } from "./programs/transport-message.ts";

/** Client and service of a review with nothing around them: the client's process counts as the gateway. */
export function reviewTransport(client: TransportKind, service: TransportKind): Peer {
  return {
    name: client === service ? `${client} unary` : `${client} client, ${service} service`,
    description: `${client} calls ${service}, one process each, plain TCP, 64 calls at once, 1 KiB there and 0.1 KiB back, coded beforehand`,
    missing: () => undefined,
    async start({ children }) {
      const serving = await startProgram(children, "transport-server", [service]);
      const calling = await startProgram(children, "transport-client", [client, `${serving.port}`]);
      const url = `http://127.0.0.1:${calling.port}`;
      return {
        url,
        pids: [
          { role: "gateway", pid: calling.pid },
          { role: "service", pid: serving.pid },
        ],
        async send(seconds, signal) {
          const deadline = AbortSignal.timeout(seconds * 1_000 + 20_000);
          const response = await fetch(`${url}/${seconds}`, { signal: AbortSignal.any([signal, deadline]) });
          return (await response.json()) as LoadFigures; // said by programs/transport-client.ts
        },
        stop: async () => void (await Promise.all([calling.stop(), serving.stop()])),
      };
    },
  };
}
