import { setTimeout as wait } from "node:timers/promises";
import { openFilesLimit, residentKiB } from "../measure/memory.ts";
import { startProgram } from "../peers/program.ts";
import { startGateway } from "../peers/start-gateway.ts";
import { closeSync } from "node:fs";
import type { SallyportTerms } from "../peers/sallyport-terms.ts";
import type { Probe } from "./probe.ts";

const CONNECTIONS = 10_000;
/** Besides the connections: files, sockets to the upstream, the log. */
const OTHER_FILES = 200;
/** What a burst of accepts leaves behind is collected by then. */
const SETTLE_MS = 1_000;

const idleConnectionsOf = (name: string, how: string, own: Pick<SallyportTerms, "codec">): Probe => ({
  name,
  title: `10,000 idle keep-alive connections${how}`,
  description:
    "resident memory the gateway gains while 10,000 clients connect and each ask once, divided by 10,000; after 2,000 requests on 16 others",
  unit: "KiB",
  missing() {
    const files = openFilesLimit();
    const needed = CONNECTIONS + OTHER_FILES;
    return files < needed ? `it takes ${needed} open files, ulimit -Hn is ${files}` : undefined;
  },
  async measure(place) {
    const terms = { name: "", description: "", connections: CONNECTIONS * 2, ...own };
    const gateway = await startGateway(place, terms, "");
    try {
      const target = [gateway.url.split(":").at(-1) ?? "", "/plain/orders/42"];
      const warm = await startProgram(place.children, "idle-client", [...target, "16", "125"]);
      await wait(SETTLE_MS);
      const before = residentKiB(gateway.pid).now;
      const clients = await startProgram(place.children, "idle-client", [...target, `${CONNECTIONS}`, "1"]);
      await wait(SETTLE_MS);
      const after = residentKiB(gateway.pid).now;
      await Promise.all([warm.stop(), clients.stop()]);
      return (after - before) / CONNECTIONS;
    } finally {
      await gateway.stop();
      closeSync(gateway.logFd);
    }
  },
});

/** Memory of a client connection that has asked once and now waits. */
export const idleConnections = idleConnectionsOf("idle-connections", "", {});

/** The same with our own codec. */
export const idleConnectionsOwnCodec = idleConnectionsOf("idle-connections-own-codec", ", own codec", { codec: "sallyport" });
