import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../support/free-port.ts";
import { startSallyport } from "../support/start-sallyport.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { FLOODS, SLOW } from "./attacks.ts";
import { mib, ms, quantile, type Figure } from "./figure.ts";
import { GoodClients } from "./good-clients.ts";
import { residentBytes, untilReady } from "./scene.ts";

/** How long an attack goes on, and how long there is none before it, milliseconds. */
interface Spells {
  readonly quietMs: number;
  readonly attackMs: number;
}

/** Requests of good clients: one of either version every so many milliseconds. */
const EVERY_MS = 10;

/** R15: a thousand slow connections of each kind, half of them over HTTP/2, beside good clients. */
export const slow = (): Promise<readonly Figure[]> =>
  attacked(SLOW, { connections: 1_000, goal: 1, spells: { quietMs: 3_000, attackMs: 9_000 } });

/** R16: ten connections that send a burst every millisecond, beside good clients. */
export const floods = (): Promise<readonly Figure[]> =>
  attacked(FLOODS, { connections: 10, goal: 0.999, spells: { quietMs: 2_000, attackMs: 4_000 } });

interface Terms {
  readonly connections: number;
  /** Share of good requests that must be answered. */
  readonly goal: number;
  readonly spells: Spells;
}

async function attacked(attacks: readonly string[], terms: Terms): Promise<readonly Figure[]> {
  await using directory = await temporaryDirectory();
  const upstream = fork(fileURLToPath(new URL("attacked-upstream.ts", import.meta.url)));
  // the only thing it says
  const [upstreamPort] = (await once(upstream, "message")) as [number];
  const [port, adminPort] = [await freePort(), await freePort()];
  await writeFile(
    directory.file("gateway.yaml"),
    `version: 1
listeners:
  - { name: public, address: "127.0.0.1:${port}", protocols: [http1, h2c], limits: { header_timeout: 3s, body_idle: 3s, idle: 3s } }
admin: { address: "127.0.0.1:${adminPort}", token_file: admin-token }
log: { level: warn }
upstreams: { main: { endpoints: ["http://127.0.0.1:${upstreamPort}"], max_requests: 4000 } }
routes: [{ name: all, match: { path: /** }, authenticate: [anonymous], upstream: main }]
`,
  );
  await using gateway = startSallyport(["run", "gateway.yaml"], { cwd: directory.path });
  await untilReady(`http://127.0.0.1:${adminPort}/ready`);
  const clients = new GoodClients(`http://127.0.0.1:${port}/good`, EVERY_MS);
  await pause(3_000);
  const figures: Figure[] = [];
  for (const attack of attacks) figures.push(...(await one(attack, { ...terms, clients, port, pid: gateway.pid })));
  await clients.stop();
  upstream.disconnect();
  const shed = gateway.lines().filter(({ event }) => event === "requests_shed");
  return [
    ...figures,
    { what: "seconds in which the gateway shed requests for its own sake", value: String(shed.length), goal: "" },
  ];
}

interface Stage extends Terms {
  readonly clients: GoodClients;
  readonly port: number;
  readonly pid: number;
}

async function one(attack: string, { clients, port, pid, connections, goal, spells }: Stage): Promise<readonly Figure[]> {
  const quietFrom = clients.atMs;
  await pause(spells.quietMs);
  const before = await residentBytes(pid);
  const from = clients.atMs;
  const program = fileURLToPath(new URL("attack-program.ts", import.meta.url));
  const child = fork(program, [attack, String(port), String(connections)], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  let most = before;
  while (clients.atMs < from + spells.attackMs) {
    await pause(100);
    most = Math.max(most, await residentBytes(pid));
  }
  child.send({});
  // the only thing it ever says
  const [told] = (await once(child, "message")) as [{ readonly opened: number; readonly ended: number; readonly open: number }];
  const until = clients.atMs;
  child.disconnect();
  await once(child, "exit");
  // answers to what was sent last, and connections that are gone
  await pause(500);
  const tooks = (fromMs: number, toMs: number): readonly number[] =>
    clients.samples.filter(({ sentAtMs }) => sentAtMs >= fromMs && sentAtMs < toMs).map(({ tookMs }) => tookMs);
  const during = clients.samples.filter(({ sentAtMs }) => sentAtMs >= from && sentAtMs < until);
  const others = during.filter(({ status }) => status !== 200).map(({ status }) => status);
  const which = [...new Set(others)].map((status) => `, ${others.filter((each) => each === status).length} × ${status}`).join("");
  const good = during.filter(({ status }) => status === 200).length;
  const [p99, quiet] = [quantile(tooks(from, until), 0.99), quantile(tooks(quietFrom, from), 0.99)];
  return [
    {
      what: `${attack}: good requests answered`,
      value: `${good} of ${during.length}${which}`,
      goal: `≥ ${100 * goal} %`,
      met: good >= goal * during.length,
    },
    { what: `${attack}: p99 before and during`, value: `${ms(quiet)}, ${ms(p99)}`, goal: "≤ 2 ×", met: p99 <= 2 * quiet },
    { what: `${attack}: memory before, most`, value: `${mib(before)}, ${mib(most)}`, goal: "≤ 2 ×", met: most <= 2 * before },
    { what: `${attack}: connections made, ended by the gateway`, value: `${told.opened}, ${told.ended}`, goal: "" },
  ];
}
