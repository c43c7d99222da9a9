import { setTimeout as pause } from "node:timers/promises";
import { OpenLoad } from "../support/open-load.ts";
import { mib, ms, quantile, type Figure } from "./figure.ts";
import { openScene } from "./scene.ts";

/** Between two changes of the configuration, and between two restarts of the interceptor, seconds. */
const EVERY_S = { reload: 10, restart: 20 } as const;

/** R19: load for so many minutes while the configuration changes and the interceptor is killed and started again. */
export async function steady(minutes: number): Promise<readonly Figure[]> {
  await using scene = await openScene();
  const guarded = new OpenLoad(scene.guardedUrl, 10);
  const plain = new OpenLoad(scene.plainUrl, 10);
  const resident: number[] = [];
  const restarts: number[] = [];
  const seconds = Math.round(minutes * 60);
  for (let second = 1; second <= seconds; second += 1) {
    await pause(1_000);
    resident.push(await scene.residentBytes());
    if (second % EVERY_S.reload === 0) await scene.reload(second);
    if (second % EVERY_S.restart !== 0) continue;
    restarts.push(guarded.atMs);
    await scene.guard.restart();
  }
  await Promise.all([guarded.stop(), plain.stop()]);
  const lost = plain.samples.filter(({ status }) => status !== 200).length;
  const refused = guarded.samples.filter(({ status }) => status !== 200);
  const away = refused.filter(({ sentAtMs }) => restarts.some((at) => sentAtMs > at - 600 && sentAtMs < at + 5_000)).length;
  const slope =
    (median(resident.slice(-Math.floor(seconds / 3))) -
      median(resident.slice(Math.floor(seconds / 3), Math.floor((2 * seconds) / 3)))) /
    (minutes / 3);
  return [
    { what: "requests", value: String(plain.samples.length + guarded.samples.length), goal: "" },
    { what: "reloads, restarts", value: `${Math.floor(seconds / EVERY_S.reload)}, ${restarts.length}`, goal: "" },
    { what: "route not bound, answers other than 200", value: String(lost), goal: "0", met: lost === 0 },
    { what: "bound route, refused while the interceptor was away", value: String(away), goal: "" },
    { what: "bound route, refused otherwise", value: String(refused.length - away), goal: "0", met: refused.length === away },
    {
      what: "bound route, p99",
      value: ms(
        quantile(
          guarded.samples.map(({ tookMs }) => tookMs),
          0.99,
        ),
      ),
      goal: "",
    },
    {
      what: "growth of memory, middle third to last third, a minute",
      value: mib(slope),
      goal: "≤ 0.5 MiB",
      met: slope <= 0.5 * 1024 * 1024,
    },
    { what: "memory at the end", value: mib(resident.at(-1) ?? 0), goal: "" },
  ];
}

const median = (numbers: readonly number[]): number => quantile(numbers, 0.5);
