import { setTimeout as pause } from "node:timers/promises";
import { OpenLoad, type Sample } from "../support/open-load.ts";
import { send } from "../support/http-client.ts";
import { mib, ms, quantile, type Figure } from "./figure.ts";
import { CAP, openScene, type Scene } from "./scene.ts";

/** How long a review takes, milliseconds: the interceptor then judges a hundred requests a second. */
const REVIEW_MS = 200;

/** Milliseconds. */
const SPELL_MS = 8_000;

/** R12 at the interceptor: ten times as many requests as it can judge. */
export async function overload(): Promise<readonly Figure[]> {
  await using scene = await openScene();
  scene.guard.setDelay(REVIEW_MS);
  const peak = await closedLoop(scene);
  const rssBefore = await scene.residentBytes();
  const load = new OpenLoad(scene.guardedUrl, 1);
  await pause(SPELL_MS);
  const rssDuring = await scene.residentBytes();
  await load.stop();
  const endedMs = performance.now();
  await untilWell(scene);
  const recoveredMs = performance.now() - endedMs;
  // the first second fills the queue
  const samples = load.samples.filter(({ sentAtMs }) => sentAtMs > 1_000 && sentAtMs < SPELL_MS - 1_000);
  const shed = samples.filter(({ status }) => status !== 200);
  const goodput = (samples.length - shed.length) / ((SPELL_MS - 2_000) / 1_000);
  const took = (share: number): number =>
    quantile(
      shed.map(({ tookMs }) => tookMs),
      share,
    );
  return [
    { what: "answered 200 a second at most", value: peak.toFixed(0), goal: "" },
    { what: "requests a second offered", value: (samples.length / ((SPELL_MS - 2_000) / 1_000)).toFixed(0), goal: "" },
    { what: "answered 200 a second meanwhile", value: goodput.toFixed(0), goal: "≥ 90 %", met: goodput >= 0.9 * peak },
    { what: "refused: which", value: statuses(shed), goal: "503 only" },
    { what: "refused: median, p99", value: `${ms(took(0.5))}, ${ms(took(0.99))}`, goal: "≤ 50 ms", met: took(0.99) <= 50 },
    {
      what: "memory of the gateway before and during",
      value: `${mib(rssBefore)}, ${mib(rssDuring)}`,
      goal: "≤ 2 ×",
      met: rssDuring <= 2 * rssBefore,
    },
    { what: "well again after", value: ms(recoveredMs), goal: "≤ 2 s", met: recoveredMs <= 2_000 },
  ];
}

/** Requests a second where as many are always under way as may be reviewed at once. */
async function closedLoop({ guardedUrl }: Scene): Promise<number> {
  const endMs = performance.now() + SPELL_MS / 2;
  let good = 0;
  const ask = async (): Promise<void> => {
    while (performance.now() < endMs) if ((await send(guardedUrl)).status === 200) good += 1;
  };
  await Promise.all(Array.from({ length: CAP }, ask));
  return good / (SPELL_MS / 2_000);
}

async function untilWell({ guardedUrl }: Scene): Promise<void> {
  for (;;) {
    if ((await send(guardedUrl)).status === 200) return;
    await pause(20);
  }
}

function statuses(samples: readonly Sample[]): string {
  const counts = new Map<number, number>();
  for (const { status } of samples) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} × ${status}`).join(", ");
}
