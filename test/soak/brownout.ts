import { setTimeout as pause } from "node:timers/promises";
import { OpenLoad, type Sample } from "../support/open-load.ts";
import { mib, ms, quantile, type Figure } from "./figure.ts";
import { CAP, openScene, TIMEOUT_MS, type Scene } from "./scene.ts";

/** How long each spell lasts, milliseconds. */
const SPELL_MS = 8_000;

/** R13: one interceptor becomes ten times slower, hangs (its process is stopped), and goes on; 200 requests a second on each of two routes. */
export async function brownout(): Promise<readonly Figure[]> {
  await using scene = await openScene();
  const guarded = new OpenLoad(scene.guardedUrl, 5);
  const plain = new OpenLoad(scene.plainUrl, 5);
  await pause(SPELL_MS);
  const rssBefore = await scene.residentBytes();
  const slowAtMs = guarded.atMs;
  scene.guard.setDelay(40);
  await pause(SPELL_MS);
  const hungAtMs = guarded.atMs;
  process.kill(scene.guard.pid, "SIGSTOP");
  const openedAtMs = await said(scene, "breaker_opened", guarded);
  await pause(SPELL_MS);
  const rssDuring = await scene.residentBytes();
  process.kill(scene.guard.pid, "SIGCONT");
  scene.guard.setDelay(4);
  const healedAtMs = guarded.atMs;
  const closedAtMs = await said(scene, "breaker_closed", guarded);
  await pause(SPELL_MS);
  const mostInFlight = await scene.guard.mostInFlight();
  await Promise.all([guarded.stop(), plain.stop()]);

  const before = between(plain.samples, 2_000, slowAtMs);
  const during = between(plain.samples, slowAtMs, healedAtMs);
  const [p99Before, p99During] = [p99(before), p99(during)];
  const stuck = between(guarded.samples, hungAtMs, healedAtMs);
  const longestMs = Math.max(...stuck.map(({ tookMs }) => tookMs));
  return [
    { what: "route not bound, p99 before", value: ms(p99Before), goal: "" },
    {
      what: "the same while the interceptor is slow or hung",
      value: ms(p99During),
      goal: "≤ 1.5 ×",
      met: p99During <= 1.5 * p99Before,
    },
    {
      what: "route not bound, answers other than 200",
      value: String(others(plain.samples)),
      goal: "0",
      met: others(plain.samples) === 0,
    },
    {
      what: "bound route, longest answer while hung",
      value: ms(longestMs),
      goal: `≤ ${TIMEOUT_MS + 20} ms`,
      met: longestMs <= TIMEOUT_MS + 20,
    },
    {
      what: "bound route, answers other than 200 while slow",
      value: String(others(between(guarded.samples, slowAtMs, hungAtMs - TIMEOUT_MS))),
      goal: "0",
    },
    { what: "breaker opens after", value: ms(openedAtMs - hungAtMs), goal: "≤ 1 s", met: openedAtMs - hungAtMs <= 1_000 },
    {
      what: "breaker closes after healing",
      value: ms(closedAtMs - healedAtMs),
      goal: "≤ 2 s",
      met: closedAtMs - healedAtMs <= 2_000,
    },
    { what: "most reviews at once", value: String(mostInFlight), goal: `≤ ${CAP}`, met: mostInFlight <= CAP },
    {
      what: "memory of the gateway before and during",
      value: `${mib(rssBefore)}, ${mib(rssDuring)}`,
      goal: "≤ 2 ×",
      met: rssDuring <= 2 * rssBefore,
    },
  ];
}

const between = (samples: readonly Sample[], fromMs: number, toMs: number): readonly Sample[] =>
  samples.filter(({ sentAtMs }) => sentAtMs >= fromMs && sentAtMs < toMs);

const p99 = (samples: readonly Sample[]): number =>
  quantile(
    samples.map(({ tookMs }) => tookMs),
    0.99,
  );

const others = (samples: readonly Sample[]): number => samples.filter(({ status }) => status !== 200).length;

/** When the gateway's log said so, on the clock of the load. */
async function said(scene: Scene, event: string, load: OpenLoad): Promise<number> {
  const deadline = load.atMs + 10_000;
  while (!scene.gateway.stdout.includes(`"event":"${event}"`)) {
    if (load.atMs > deadline) throw new Error(`${event} was not logged within 10 s`);
    await pause(10);
  }
  return load.atMs;
}
