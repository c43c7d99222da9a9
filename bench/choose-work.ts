import type { BenchWish } from "./arguments.ts";
import { peersOfGoals } from "./goals.ts";
import { PROBES } from "./probes.ts";
import type { Probe } from "./probes/probe.ts";
import { SCENARIOS } from "./scenarios.ts";
import type { WantedLane } from "./start-lanes.ts";

/** What a run measures, and what it would have if it could. */
export interface Work {
  readonly lanes: readonly WantedLane[];
  readonly probes: readonly Probe[];
  /** Asked for and impossible here, with the reason. */
  readonly missing: readonly string[];
  /** Why nothing is measured of a peer or probe of that name; `undefined` where something is. */
  readonly whyNot: (name: string) => string | undefined;
}

/** Throws where nothing at all would be measured. */
export function chooseWork(wish: BenchWish): Work {
  const ofGoals = peersOfGoals();
  const asked = SCENARIOS.filter(({ name }) => wish.scenarios.includes(name))
    .flatMap((scenario) => scenario.peers.map((contender) => ({ ...contender, scenario })))
    .filter(({ peer }) => !wish.isQuick || ofGoals.has(peer.name))
    .filter(({ peer }) => wish.peers.length === 0 || wish.peers.some((text) => peer.name.includes(text)));
  const probes = wish.probes === 0 ? [] : PROBES;
  if (asked.length === 0 && probes.length === 0) throw new Error("no peer has such a name");
  const reasons = new Map([
    ...asked.flatMap(({ peer }) => reasonFor(peer.name, peer.missing())),
    ...probes.flatMap(({ name, missing }) => reasonFor(name, missing())),
  ]);
  return {
    lanes: asked.filter(({ peer }) => !reasons.has(peer.name)),
    probes: probes.filter(({ name }) => !reasons.has(name)),
    missing: [...reasons].map(([name, why]) => `${name} (${why})`),
    whyNot: (name) => reasons.get(name),
  };
}

const reasonFor = (name: string, why: string | undefined): readonly (readonly [string, string])[] =>
  why === undefined ? [] : [[name, why]];
