import { readFile, writeFile } from "node:fs/promises";
import { EveryClient, REPEATS_NOTHING, type KindReport } from "../support/every-client.ts";
import { startEveryUpstream } from "../support/every-upstream.ts";
import { freePort } from "../support/free-port.ts";
import { send } from "../support/http-client.ts";
import { startSallyport } from "../support/start-sallyport.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { ms, quantile, type Figure } from "./figure.ts";
import { untilReady } from "./scene.ts";

/** R11: two worker processes behind one port are replaced again and again before clients of every kind. Everything that fails is counted, by kind. */
export async function rolls(restarts: number): Promise<readonly Figure[]> {
  await using directory = await temporaryDirectory();
  await using upstream = await startEveryUpstream();
  const [port, adminPort] = [await freePort(), await freePort()];
  await writeFile(
    directory.file("gateway.yaml"),
    `version: 1
workers: 2
listeners: [{ name: public, address: "127.0.0.1:${port}", protocols: [http1, h2c] }]
admin: { address: "127.0.0.1:${adminPort}", token_file: admin-token }
drain: 4s
# on a busy machine workers are late for want of a core; that they shed then is another program's subject
overload: { loop_delay: 5s }
${upstream.sections}`,
  );
  await using gateway = startSallyport(["run", "gateway.yaml"], { cwd: directory.path });
  const admin = `http://127.0.0.1:${adminPort}`;
  await untilReady(`${admin}/ready`);
  const adminToken = (await readFile(directory.file("admin-token"), "utf8")).trim();
  const clients = new EveryClient(port, "soak");
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
  const reports = await clients.stop();
  return [
    { what: "restarts of a worker", value: String(replaced), goal: "" },
    { what: "median time a restart takes", value: ms(quantile(tookMs, 0.5)), goal: "" },
    ...reports.map(failed),
  ];
}

function failed({ kind, begun, sentAway, failures }: KindReport): Figure {
  for (const [failure, same] of Map.groupBy(failures, (each) => each)) console.error(`${kind}: ${same.length} times ${failure}`);
  const away = sentAway === 0 ? "" : `, ${sentAway} told to go (1001)`;
  const figure = { what: `failed of ${begun}${away}: ${kind}`, value: String(failures.length) };
  return kind === REPEATS_NOTHING ? { ...figure, goal: "" } : { ...figure, goal: "0", met: failures.length === 0 };
}
