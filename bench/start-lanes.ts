import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { CLIENT_HEADERS } from "./measure/load.ts";
import type { Lane } from "./measure/rounds.ts";
import type { Peer, Place } from "./peers/peer.ts";
import type { Scenario } from "./scenarios.ts";

/** A peer to measure in a scenario. */
export interface WantedLane {
  readonly scenario: Scenario;
  readonly peer: Peer;
}

/** Starts each peer in a directory of its own, and looks whether it does what the scenario says. Rejects when one does not. */
export async function startLanes(wanted: readonly WantedLane[], place: Place, connections: number): Promise<readonly Lane[]> {
  const lanes: Lane[] = [];
  for (const [index, { scenario, peer }] of wanted.entries()) {
    const directory = join(place.directory, `peer-${index}`);
    await mkdir(directory, { mode: 0o755 });
    const running = await peer.start({ ...place, directory });
    const url = `${running.url}${scenario.path}`;
    await check(url, scenario, peer.name);
    lanes.push({ peer: peer.name, running, load: { url, headers: CLIENT_HEADERS, connections } });
  }
  return lanes;
}

async function check(url: string, { seenTenant }: Scenario, peer: string): Promise<void> {
  const response = await fetch(url, { headers: CLIENT_HEADERS, signal: AbortSignal.timeout(10_000) });
  const body = await response.text();
  const seen = response.headers.get("x-saw-tenant") ?? undefined;
  if (response.status !== 200 || body.length !== 1024)
    throw new Error(`${peer} answers ${response.status} with ${body.length} bytes: ${body.slice(0, 300)}`);
  if (seen !== seenTenant)
    throw new Error(`${peer}: the upstream saw the tenant ${seen ?? "(none)"}, expected ${seenTenant ?? "(none)"}`);
}
