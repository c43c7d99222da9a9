import { readFile, writeFile } from "node:fs/promises";
import { changingDoors } from "../support/changing-doors.ts";
import { EveryClient } from "../support/every-client.ts";
import { startEveryUpstream } from "../support/every-upstream.ts";
import { freePort } from "../support/free-port.ts";
import { send } from "../support/http-client.ts";
import { startSallyport } from "../support/start-sallyport.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { quantile, ms, type Figure } from "./figure.ts";
import { untilReady } from "./scene.ts";

/** Of so many reloads one is refused. */
const REFUSED_EVERY = 6;

/** R9: 1,000 reloads that open, change and close listeners and 200 that are refused, before clients of every kind at the listener that stays the same. */
export async function reloads(count: number): Promise<readonly Figure[]> {
  await using directory = await temporaryDirectory();
  await using upstream = await startEveryUpstream();
  const [port, adminPort] = [await freePort(), await freePort()];
  const doors = await changingDoors(directory.file("door.sock"));
  for (const [name, text] of Object.entries(doors.files)) await writeFile(directory.file(name), text);
  const config = (turn: number): string => `version: ${turn % REFUSED_EVERY === REFUSED_EVERY - 1 ? 2 : 1}
listeners: [{ name: same, address: "127.0.0.1:${port}", protocols: [http1, h2c] }, ${doors.at(turn)}]
admin: { address: "127.0.0.1:${adminPort}", token_file: admin-token }
trusted_proxies: { cidrs: [127.0.0.1/32] }
overload: { loop_delay: 5s }
drain: 500ms
${upstream.sections}`;
  await writeFile(directory.file("gateway.yaml"), config(0));
  await using gateway = startSallyport(["run", "gateway.yaml"], { cwd: directory.path });
  const admin = `http://127.0.0.1:${adminPort}`;
  await untilReady(`${admin}/ready`);
  const authorization = `Bearer ${(await readFile(directory.file("admin-token"), "utf8")).trim()}`;
  const clients = new EveryClient(port, "soak");
  const outcomes = { taken: 0, refused: 0, wrong: 0 };
  const tookMs: number[] = [];
  for (let turn = 1; turn <= count; turn += 1) {
    await writeFile(directory.file("gateway.yaml"), config(turn));
    const beganMs = performance.now();
    const { status, text } = await send(`${admin}/admin/reload`, { method: "POST", headers: { authorization } });
    tookMs.push(performance.now() - beganMs);
    const isRefused = turn % REFUSED_EVERY === REFUSED_EVERY - 1;
    if (status === (isRefused ? 422 : 200)) outcomes[isRefused ? "refused" : "taken"] += 1;
    else {
      outcomes.wrong += 1;
      console.error(`${turn}: ${status} ${text}`);
    }
  }
  const reports = await clients.stop();
  for (const { kind, failures } of reports) for (const failure of new Set(failures)) console.error(`${kind}: ${failure}`);
  if (gateway.lines().some(({ level, event }) => level === "error" && event !== "config_rejected"))
    console.error("the gateway logged errors");
  return [
    { what: "reloads taken, refused as they should be", value: `${outcomes.taken}, ${outcomes.refused}`, goal: "" },
    { what: "reloads with another outcome", value: String(outcomes.wrong), goal: "0", met: outcomes.wrong === 0 },
    { what: "median time, 99th of a hundred", value: `${ms(quantile(tookMs, 0.5))}, ${ms(quantile(tookMs, 0.99))}`, goal: "" },
    ...reports.map(({ kind, begun, sentAway, failures }) => ({
      what: `failed or cut of ${begun}: ${kind}`,
      value: String(failures.length + sentAway),
      goal: "0",
      met: failures.length + sentAway === 0,
    })),
  ];
}
