import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CLIENT_HEADERS, type LoadFigures } from "../measure/load.ts";
import type { Peer } from "./peer.ts";

/** Connections of the load, and requests beside each other on each. */
const CONNECTIONS = 8;
const STREAMS = 8;

const FLAGS: readonly string[] = [
  ...["-t1", `-c${CONNECTIONS}`, `-m${STREAMS}`],
  ...Object.entries(CLIENT_HEADERS).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
];

/** The same peer, loaded by nghttp2's h2load over HTTP/2. */
export function withHttp2Load(peer: Peer): Peer {
  return {
    ...peer,
    missing: () => peer.missing() ?? (spawnSync("h2load", ["--version"]).status === 0 ? undefined : "no h2load in PATH"),
    async start(place) {
      const running = await peer.start(place);
      const log = join(place.directory, "h2load.log");
      return {
        ...running,
        async send(seconds, signal) {
          rmSync(log, { force: true });
          const args = [...FLAGS, `-D${seconds}`, `--log-file=${log}`, `${running.url}/plain/orders/42`];
          const output = await place.children.run(
            { name: "h2load", command: "h2load", args },
            { deadlineMs: seconds * 1_000 + 20_000, signal },
          );
          return figuresIn(output, readFileSync(log, "latin1"), seconds);
        },
      };
    },
  };
}

function figuresIn(output: string, log: string, seconds: number): LoadFigures {
  if (!/^Application protocol: h2$/m.test(output)) throw new Error(`h2load spoke no HTTP/2: ${output.slice(-500)}`);
  const [, failed = "1", errored = "1", timeout = "0"] =
    /([0-9]+) failed, ([0-9]+) errored, ([0-9]+) timeout$/m.exec(output) ?? [];
  const statuses = /^status codes: [0-9]+ 2xx, [0-9]+ 3xx, ([0-9]+) 4xx, ([0-9]+) 5xx$/m.exec(output) ?? [];
  // a line is: when it began, status, how long it took in microseconds
  const tookUs = Float64Array.from(log.trimEnd().split("\n"), (line) => Number(line.split("\t")[2])).toSorted();
  const at = (share: number): number => (tookUs[Math.min(tookUs.length - 1, Math.floor(share * tookUs.length))] ?? 0) / 1e3;
  return {
    requests: tookUs.length,
    seconds,
    errors: [failed, errored, timeout, statuses[1] ?? "0", statuses[2] ?? "0"].reduce((sum, each) => sum + Number(each), 0),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
  };
}
