import { setTimeout as wait } from "node:timers/promises";
import type { RunningPeer } from "../peers/peer.ts";
import type { CpuMoment, RolePid } from "./cpu.ts";
import type { LoadFigures } from "./load.ts";

/** A peer that serves, with the request it is measured by. */
export interface Lane {
  readonly peer: string;
  readonly running: RunningPeer;
  /** Loads the peer for that long. Rejects on abort, and when the generator fails. */
  readonly send: (seconds: number, signal: AbortSignal) => Promise<LoadFigures>;
}

/** One burst on one peer. */
export interface Round extends LoadFigures {
  /** CPU of the whole peer per request, microseconds. */
  readonly cpuUs: number;
  readonly gatewayCpuUs: number;
  readonly serviceCpuUs: number;
  /** Resident memory of the peer's processes behind the burst. */
  readonly rssBytes: number;
}

/** How long is measured. */
export interface RoundTerms {
  readonly rounds: number;
  readonly seconds: number;
  /** Requests each peer answers before anything is measured: JavaScript is compiled by use, not by time. */
  readonly warmUpRequests: number;
  /** Length of one burst of the warm-up. */
  readonly warmUpSeconds: number;
}

/** What measuring needs. */
export interface RoundDeps {
  readonly readCpu: (pids: readonly RolePid[]) => CpuMoment;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** A slow peer is warm by then, or never. */
const WARM_UP_AT_MOST_MS = 180_000;
/** Each burst begins with as much load unmeasured: a Node program that idled while forty others were asked is dear at first (it doubled plain proxying). */
const REAWAKEN_SECONDS = 1;
/** Answers still on their way, and log lines still to be written, belong to the burst before, milliseconds. */
const SETTLE_MS = 150;

/**
 * Warms every lane up, then wakes and measures each of them once per round, so that whatever else the machine does meets them alike.
 * Each round begins with another lane. Rejects when a lane answers mostly errors.
 */
export async function measureRounds(
  lanes: readonly Lane[],
  terms: RoundTerms,
  deps: RoundDeps,
): Promise<ReadonlyMap<Lane, readonly Round[]>> {
  for (const lane of lanes) await warmUp(lane, terms, deps);
  const measured = new Map<Lane, Round[]>(lanes.map((lane) => [lane, []]));
  for (let round = 0; round < terms.rounds; round += 1) {
    const first = round % lanes.length;
    for (const lane of [...lanes.slice(first), ...lanes.slice(0, first)]) {
      const figures = await burst(lane, terms.seconds, deps);
      measured.get(lane)?.push(figures);
      deps.say(
        `round ${round + 1}/${terms.rounds}  ${lane.peer.padEnd(32)} ${figures.cpuUs.toFixed(1).padStart(7)} µs  ${Math.round(figures.requests / figures.seconds)} req/s`,
      );
    }
  }
  return measured;
}

async function warmUp({ peer, running, send }: Lane, terms: RoundTerms, { signal, say }: RoundDeps): Promise<void> {
  const { warmUpRequests: requests, warmUpSeconds } = terms;
  const startedMs = Date.now();
  let answered = 0;
  while (answered < requests && Date.now() - startedMs < WARM_UP_AT_MOST_MS) {
    const figures = await send(warmUpSeconds, signal);
    refuseErrors(peer, figures);
    answered += figures.requests;
    running.afterBurst?.();
  }
  say(`warm     ${peer.padEnd(32)} ${answered} requests${answered < requests ? `, ${requests} wanted: it is too slow` : ""}`);
}

async function burst({ peer, running, send }: Lane, seconds: number, { readCpu, signal }: RoundDeps): Promise<Round> {
  refuseErrors(peer, await send(REAWAKEN_SECONDS, signal));
  await wait(SETTLE_MS);
  const before = readCpu(running.pids);
  const figures = await send(seconds, signal);
  await wait(SETTLE_MS);
  const after = readCpu(running.pids);
  refuseErrors(peer, figures);
  running.afterBurst?.();
  const perRequest = (role: "gateway" | "service"): number => (after.cpuUs[role] - before.cpuUs[role]) / figures.requests;
  const [gatewayCpuUs, serviceCpuUs] = [perRequest("gateway"), perRequest("service")];
  return { ...figures, cpuUs: gatewayCpuUs + serviceCpuUs, gatewayCpuUs, serviceCpuUs, rssBytes: after.rssBytes };
}

/** A cheap answer is no answer: one error in a thousand, and the figure would be about something else. */
function refuseErrors(peer: string, { requests, errors }: LoadFigures): void {
  if (requests === 0 || errors > requests / 1_000) throw new Error(`${peer}: ${errors} errors among ${requests} answers`);
}
