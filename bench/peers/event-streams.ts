import { fileURLToPath } from "node:url";
import type { LoadFigures } from "../measure/load.ts";
import type { Peer } from "./peer.ts";
import { startProgram } from "./program.ts";

const CLIENT = fileURLToPath(new URL("programs/sse-client.ts", import.meta.url));

/** The same peer before an upstream that sends events to 100 streams; an event is what elsewhere is a request. */
export function withEventStreams(peer: Peer): Peer {
  return {
    ...peer,
    name: `${peer.name}, 100 streams`,
    async start(place) {
      const upstream = await startProgram(place.children, "sse-upstream");
      const running = await peer.start({ ...place, upstreamPort: upstream.port });
      return {
        ...running,
        async send(seconds, signal) {
          const args = [CLIENT, `${running.url}/plain/events`, `${seconds}`];
          const output = await place.children.run(
            { name: "the event streams' client", command: process.execPath, args },
            { deadlineMs: seconds * 1_000 + 20_000, signal },
          );
          return JSON.parse(output) as LoadFigures; // said by programs/sse-client.ts
        },
        stop: async () => void (await Promise.all([running.stop(), upstream.stop()])),
      };
    },
  };
}
