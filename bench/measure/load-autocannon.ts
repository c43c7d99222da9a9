import type { Children } from "./children.ts";
import type { LoadTool } from "./load.ts";

/** The part of autocannon's JSON that is read; latencies in whole milliseconds. */
interface AutocannonOutput {
  readonly duration: number;
  readonly errors: number;
  readonly non2xx: number;
  readonly requests: { readonly total: number };
  readonly latency: { readonly p50: number; readonly p99: number; readonly p99_9: number };
}

/** autocannon in a process of its own, from the bench's own packages. */
export function autocannon(children: Children, script: string): LoadTool {
  return {
    name: "autocannon 9.0.0",
    async send({ url, headers, body, connections, seconds }, signal) {
      const flags = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}=${value}`]);
      if (body !== undefined) flags.push("-m", "POST", "-b", body);
      const args = [script, "-c", `${connections}`, "-d", `${seconds}`, "--json", ...flags, url];
      const output = await children.run(
        { name: "autocannon", command: process.execPath, args },
        { deadlineMs: seconds * 1_000 + 30_000, signal },
      );
      const said = JSON.parse(output) as AutocannonOutput; // the documented shape of its --json
      return {
        requests: said.requests.total,
        seconds: said.duration,
        errors: said.errors + said.non2xx,
        p50Ms: said.latency.p50,
        p99Ms: said.latency.p99,
        p999Ms: said.latency.p99_9,
      };
    },
  };
}
