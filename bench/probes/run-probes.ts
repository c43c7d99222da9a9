import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Place } from "../peers/peer.ts";
import type { Probe, ProbeReport } from "./probe.ts";

/** Finds each figure `times` times, one gateway after the other. */
export async function runProbes(
  probes: readonly Probe[],
  place: Place,
  { times, signal, say }: { readonly times: number; readonly signal: AbortSignal; readonly say: (line: string) => void },
): Promise<readonly ProbeReport[]> {
  const reports: ProbeReport[] = [];
  for (const { name, title, description, unit, measure } of probes) {
    const figures: number[] = [];
    for (let time = 0; time < times; time += 1) {
      signal.throwIfAborted();
      const directory = join(place.directory, `probe-${name}-${time}`);
      await mkdir(directory);
      const figure = await measure({ ...place, directory }, signal);
      figures.push(figure);
      say(`probe ${time + 1}/${times}  ${title.padEnd(32)} ${figure.toFixed(1).padStart(7)} ${unit}`);
    }
    reports.push({ name, title, description, unit, figures });
  }
  return reports;
}
