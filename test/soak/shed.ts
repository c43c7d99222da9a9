import { writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../support/free-port.ts";
import { send } from "../support/http-client.ts";
import { OpenLoad, type Sample } from "../support/open-load.ts";
import { startSallyport } from "../support/start-sallyport.ts";
import { startStreamingUpstream } from "../support/start-streaming-upstream.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { mib, ms, quantile, type Figure } from "./figure.ts";
import { residentBytes, untilReady } from "./scene.ts";

/** Requests the gateway may have under way, and how long the upstream takes for each: a hundred a second are served at most. */
const REQUESTS = 10;
const UPSTREAM_MS = 100;

/** Milliseconds. */
const SPELL_MS = 8_000;

/** R12 at the door: ten times as many requests as may be under way can serve, sent by the clock. */
export async function shed(): Promise<readonly Figure[]> {
  await using directory = await temporaryDirectory();
  await using upstream = await startStreamingUpstream((_request, response) => setTimeout(() => response.end("ok"), UPSTREAM_MS));
  const [port, adminPort] = [await freePort(), await freePort()];
  await writeFile(
    directory.file("gateway.yaml"),
    `version: 1
listeners: [{ name: public, address: "127.0.0.1:${port}", limits: { requests: ${REQUESTS} } }]
admin: { address: "127.0.0.1:${adminPort}", token_file: admin-token }
upstreams: { main: { endpoints: ["${upstream.url}"] } }
routes: [{ name: all, match: { path: /** }, authenticate: [anonymous], upstream: main }]
`,
  );
  await using gateway = startSallyport(["run", "gateway.yaml"], { cwd: directory.path });
  await untilReady(`http://127.0.0.1:${adminPort}/ready`);
  const url = `http://127.0.0.1:${port}/a`;
  const peak = await closedLoop(url);
  const rssBefore = await residentBytes(gateway.pid);
  const load = new OpenLoad(url, 1);
  await pause(SPELL_MS);
  const rssDuring = await residentBytes(gateway.pid);
  await load.stop();
  const endedMs = performance.now();
  while ((await send(url)).status !== 200) await pause(5);
  const recoveredMs = performance.now() - endedMs;
  const lines = gateway.lines().filter(({ event }) => event === "requests_shed").length;
  return figures(load.samples, { peak, rss: [rssBefore, rssDuring], recoveredMs, lines });
}

function figures(
  all: readonly Sample[],
  seen: { readonly peak: number; readonly rss: readonly [number, number]; readonly recoveredMs: number; readonly lines: number },
): readonly Figure[] {
  const samples = all.filter(({ sentAtMs }) => sentAtMs > 1_000 && sentAtMs < SPELL_MS - 1_000);
  const seconds = (SPELL_MS - 2_000) / 1_000;
  const refused = samples.filter(({ status }) => status !== 200);
  const goodput = (samples.length - refused.length) / seconds;
  const took = refused.map(({ tookMs }) => tookMs);
  const [before, during] = seen.rss;
  const slowest = quantile(took, 0.99);
  const others = refused.filter(({ status }) => status !== 503).length;
  return [
    { what: "answered 200 a second at most", value: seen.peak.toFixed(0), goal: "" },
    { what: "requests a second offered", value: (samples.length / seconds).toFixed(0), goal: "10 ×" },
    { what: "answered 200 a second meanwhile", value: goodput.toFixed(0), goal: "≥ 90 %", met: goodput >= 0.9 * seen.peak },
    { what: "neither 200 nor 503", value: String(others), goal: "0", met: others === 0 },
    { what: "shed: median, p99", value: `${ms(quantile(took, 0.5))}, ${ms(slowest)}`, goal: "≤ 50 ms", met: slowest <= 50 },
    { what: "memory before and during", value: `${mib(before)}, ${mib(during)}`, goal: "≤ 2 ×", met: during <= 2 * before },
    { what: "well again after", value: ms(seen.recoveredMs), goal: "≤ 2 s", met: seen.recoveredMs <= 2_000 },
    { what: "lines of log about it", value: String(seen.lines), goal: "≤ 1 a second", met: seen.lines <= SPELL_MS / 1_000 + 1 },
  ];
}

/** Requests a second where as many are always under way as may be. */
async function closedLoop(url: string): Promise<number> {
  const endMs = performance.now() + SPELL_MS / 2;
  let good = 0;
  const ask = async (): Promise<void> => {
    while (performance.now() < endMs) if ((await send(url)).status === 200) good += 1;
  };
  await Promise.all(Array.from({ length: REQUESTS }, ask));
  return good / (SPELL_MS / 2_000);
}
