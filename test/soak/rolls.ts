import { readFile, writeFile } from "node:fs/promises";
import { freePort } from "../support/free-port.ts";
import { send } from "../support/http-client.ts";
import { SteadyLoad } from "../support/steady-load.ts";
import { startSallyport } from "../support/start-sallyport.ts";
import { startUpstream } from "../support/start-upstream.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { FreshLoad } from "../support/fresh-load.ts";
import { ms, quantile, type Figure } from "./figure.ts";
import { untilReady } from "./scene.ts";

/** R11: two worker processes behind one port are replaced again and again under load, on connections that are kept and on new ones. Every request that fails is counted. */
export async function rolls(restarts: number): Promise<readonly Figure[]> {
  await using directory = await temporaryDirectory();
  await using upstream = await startUpstream();
  const [port, adminPort] = [await freePort(), await freePort()];
  await writeFile(
    directory.file("gateway.yaml"),
    `version: 1
workers: 2
listeners: [{ name: public, address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${adminPort}", token_file: admin-token }
drain: 10s
upstreams: { main: { endpoints: ["${upstream.url}"] } }
routes: [{ name: all, match: { path: /** }, authenticate: [anonymous], upstream: main }]
`,
  );
  await using gateway = startSallyport(["run", "gateway.yaml"], { cwd: directory.path });
  const admin = `http://127.0.0.1:${adminPort}`;
  await untilReady(`${admin}/ready`);
  const adminToken = (await readFile(directory.file("admin-token"), "utf8")).trim();
  const kept = new SteadyLoad(`http://127.0.0.1:${port}`, 4);
  const fresh = new FreshLoad(`http://127.0.0.1:${port}/fresh`, 10);
  let replaced = 0;
  const tookMs: number[] = [];
  while (replaced < restarts) {
    const beganMs = performance.now();
    const answer = await send(`${admin}/admin/roll`, { method: "POST", headers: { authorization: `Bearer ${adminToken}` } });
    const outcome = answer.json() as { replaced: readonly number[]; kept: readonly number[] }; // the route's shape
    if (outcome.kept.length > 0) throw new Error(`no successor began: ${gateway.stdout.slice(-2_000)}`);
    replaced += outcome.replaced.length;
    tookMs.push((performance.now() - beganMs) / outcome.replaced.length);
  }
  const [onKept, onFresh] = [await kept.stop(), await fresh.stop()];
  for (const failure of [...onKept.failures, ...onFresh.failures].slice(0, 20)) console.error(failure);
  return [
    { what: "restarts of a worker", value: String(replaced), goal: "" },
    { what: "requests on kept connections, on new ones", value: `${onKept.sent}, ${onFresh.sent}`, goal: "" },
    failed("failed on kept connections", onKept.failures),
    failed("failed on new connections", onFresh.failures),
    { what: "median time a restart takes", value: ms(quantile(tookMs, 0.5)), goal: "" },
  ];
}

const failed = (what: string, { length }: readonly string[]): Figure => ({
  what,
  value: String(length),
  goal: "0",
  met: length === 0,
});
