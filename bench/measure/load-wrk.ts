import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Children } from "./children.ts";
import type { Load, LoadFigures, LoadTool } from "./load.ts";

/** wrk with one thread. Times come from its own histogram through a Lua function, because its text output is for people. */
export function wrk(
  children: Children,
  { version, directory }: { readonly version: string; readonly directory: string },
): LoadTool {
  const scripts = new Map<string | undefined, Promise<string>>();
  const scriptFor = (body: string | undefined): Promise<string> => {
    const known = scripts.get(body) ?? writeScript(join(directory, `wrk-${scripts.size}.lua`), body);
    scripts.set(body, known);
    return known;
  };
  return {
    name: `wrk ${version}`,
    async send(load, signal) {
      const args = [
        "-t1",
        `-c${load.connections}`,
        `-d${load.seconds}s`,
        "--timeout",
        "10s",
        "-s",
        await scriptFor(load.body),
        ...headerFlags(load),
        load.url,
      ];
      const output = await children.run(
        { name: "wrk", command: "wrk", args },
        { deadlineMs: load.seconds * 1_000 + 20_000, signal },
      );
      return figuresIn(output);
    },
  };
}

const headerFlags = ({ headers }: Load): readonly string[] =>
  Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);

async function writeScript(path: string, body: string | undefined): Promise<string> {
  // a JSON text holds no `]==]`
  await writeFile(path, `${body === undefined ? "" : `wrk.method = "POST"\nwrk.body = [==[${body}]==]\n`}${FIGURES}`);
  return path;
}

const FIGURES = `done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\nFIGURES {"requests":%d,"us":%d,"errors":%d,"p50":%d,"p99":%d,"p999":%d}\\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
`;

function figuresIn(output: string): LoadFigures {
  const line = /^FIGURES (.+)$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk said no figures: ${output.slice(-500)}`);
  const said = JSON.parse(line) as Record<"requests" | "us" | "errors" | "p50" | "p99" | "p999", number>; // written by the script above
  return {
    requests: said.requests,
    seconds: said.us / 1e6,
    errors: said.errors,
    p50Ms: said.p50 / 1e3,
    p99Ms: said.p99 / 1e3,
    p999Ms: said.p999 / 1e3,
  };
}
