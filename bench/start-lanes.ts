import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { ask, type Asking } from "./ask.ts";
import { CLIENT_HEADERS, type LoadTool } from "./measure/load.ts";
import type { Lane } from "./measure/rounds.ts";
import type { Place, RunningPeer } from "./peers/peer.ts";
import type { Contender, Scenario, ScenarioRequest } from "./scenarios/scenario.ts";

/** A peer to measure in a scenario. */
export interface WantedLane extends Contender {
  readonly scenario: Scenario;
}

/** A lane, and what it took to start its peer. */
export interface StartedLane extends Lane {
  /** Until it serves, interceptors and all, milliseconds. */
  readonly startMs: number;
}

/** With what lanes are loaded. */
export interface LaneLoad {
  readonly loadTool: LoadTool;
  readonly connections: number;
  readonly say: (line: string) => void;
}

/** Starts each peer in a directory of its own, and looks whether it does what the scenario says. Rejects when one does not. */
export async function startLanes(
  wanted: readonly WantedLane[],
  place: Place,
  { loadTool, connections, say }: LaneLoad,
): Promise<readonly StartedLane[]> {
  const lanes: StartedLane[] = [];
  for (const [index, lane] of wanted.entries()) {
    const { scenario, peer } = lane;
    const directory = join(place.directory, `peer-${index}`);
    await mkdir(directory, { mode: 0o755 });
    const beganMs = performance.now();
    const running = await peer.start({ ...place, directory });
    const startMs = performance.now() - beganMs;
    say(`started  ${peer.name.padEnd(32)} ${startMs.toFixed(0).padStart(6)} ms`);
    const send =
      scenario.request === "own"
        ? ownLoad(running, peer.name)
        : await givenLoad(running, lane, scenario.request, { place, loadTool, connections });
    lanes.push({ peer: peer.name, running, startMs, send });
  }
  return lanes;
}

function ownLoad({ send }: RunningPeer, peer: string): Lane["send"] {
  if (send === undefined) throw new Error(`${peer} brings no load of its own`);
  return send;
}

/** The load of the scenario, once the peer has shown that it does the work. */
async function givenLoad(
  running: RunningPeer,
  lane: WantedLane,
  request: ScenarioRequest,
  { place, loadTool, connections }: Pick<LaneLoad, "loadTool" | "connections"> & { readonly place: Place },
): Promise<Lane["send"]> {
  const url = `${running.url}${request.path}`;
  const headers = request.body === undefined ? CLIENT_HEADERS : { ...CLIENT_HEADERS, "content-type": "application/json" };
  const { caFile, server } = place.certificates;
  const asking = { headers, body: request.body, trust: { ca: readFileSync(caFile, "utf8"), servername: server.dnsName } };
  await check(url, asking, lane.peer.name, request.seenTenant);
  await checkReviews(running, lane, () => check(url, asking, lane.peer.name, request.seenTenant));
  const load = { url, headers, ...(request.body === undefined ? {} : { body: request.body }) };
  return (seconds, signal) => loadTool.send({ ...load, connections: request.connections ?? connections, seconds }, signal);
}

async function check(url: string, asking: Asking, peer: string, seenTenant: string | undefined): Promise<void> {
  const { status, headers, body } = await ask(url, asking);
  if (status !== 200 || body.length !== 1024)
    throw new Error(`${peer} answers ${status} with ${body.length} bytes: ${body.slice(0, 300)}`);
  const seen = headers["x-saw-tenant"];
  if (seen !== seenTenant)
    throw new Error(`${peer}: the upstream saw the tenant ${String(seen ?? "(none)")}, expected ${seenTenant ?? "(none)"}`);
}

/** Observers are asked after the answer. */
const COUNTED_WITHIN_MS = 1_000;

/** Asks once more, and looks how many reviews that made. */
async function checkReviews(running: RunningPeer, { peer, reviews }: WantedLane, again: () => Promise<void>): Promise<void> {
  if (reviews === undefined || running.reviews === undefined) return;
  const counted = running.reviews.bind(running);
  await wait(COUNTED_WITHIN_MS / 4);
  const before = await counted();
  await again();
  let asked = -1;
  for (const endMs = Date.now() + COUNTED_WITHIN_MS; asked < reviews && Date.now() < endMs; await wait(20))
    asked = (await counted()) - before;
  if (asked !== reviews) throw new Error(`${peer.name} asks for ${asked} reviews of a request, expected ${reviews}`);
}
