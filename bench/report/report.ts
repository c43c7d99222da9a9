import type { GoalState } from "../goal-states.ts";
import type { Round } from "../measure/rounds.ts";
import { median } from "../measure/statistics.ts";
import type { ProbeReport } from "../probes/probe.ts";
import { SCENARIOS } from "../scenarios.ts";

/** What one run found; also the shape of the JSON file. */
export interface Report {
  /** ISO 8601, start of the run. */
  readonly startedAt: string;
  readonly note: string | undefined;
  readonly machine: Machine;
  readonly terms: {
    readonly rounds: number;
    readonly seconds: number;
    readonly warmUpRequests: number;
    readonly connections: number;
  };
  readonly scenarios: readonly ScenarioReport[];
  readonly probes: readonly ProbeReport[];
  readonly goals: readonly GoalState[];
  /** Peers and probes that could not be measured, with the reason. */
  readonly missing: readonly string[];
}

/** Where and with what was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  /** Average number of runnable processes over the minute before, which the bench itself did not cause. */
  readonly loadBefore: number;
  readonly versions: Readonly<Record<string, string>>;
}

/** The peers of one scenario. */
export interface ScenarioReport {
  readonly name: string;
  readonly title: string;
  readonly peers: readonly PeerReport[];
}

/** One peer: medians over the rounds, and the rounds. */
export interface PeerReport {
  readonly name: string;
  readonly description: string;
  /** Until it served, interceptors and all, milliseconds. */
  readonly startMs: number;
  readonly medians: Medians;
  readonly rounds: readonly Round[];
}

/** Medians of a peer's rounds, each on its own. */
export interface Medians {
  readonly cpuUs: number;
  readonly gatewayCpuUs: number;
  readonly serviceCpuUs: number;
  readonly requestsPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly rssMiB: number;
}

/** What was measured of a peer. */
export interface Finding {
  readonly peer: string;
  readonly startMs: number;
  readonly rounds: readonly Round[];
}

/** What was measured, by scenario; those of which nothing was are left out. */
export function scenarioReports(findings: readonly Finding[]): readonly ScenarioReport[] {
  const foundOf = new Map(findings.map((finding) => [finding.peer, finding]));
  return SCENARIOS.flatMap(({ name, title, peers }) => {
    const reports = peers.flatMap(({ peer }) => {
      const found = foundOf.get(peer.name);
      if (found === undefined) return [];
      const { startMs, rounds } = found;
      return [{ name: peer.name, description: peer.description, startMs, medians: mediansOf(rounds), rounds }];
    });
    return reports.length === 0 ? [] : [{ name, title, peers: reports }];
  });
}

/** The middle of every column. */
function mediansOf(rounds: readonly Round[]): Medians {
  const of = (value: (round: Round) => number): number => median(rounds.map(value));
  return {
    cpuUs: of(({ cpuUs }) => cpuUs),
    gatewayCpuUs: of(({ gatewayCpuUs }) => gatewayCpuUs),
    serviceCpuUs: of(({ serviceCpuUs }) => serviceCpuUs),
    requestsPerS: of(({ requests, seconds }) => requests / seconds),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    p999Ms: of(({ p999Ms }) => p999Ms),
    rssMiB: of(({ rssBytes }) => rssBytes) / 2 ** 20,
  };
}
