import { GOALS, type Goal } from "./goals.ts";
import type { Round } from "./measure/rounds.ts";
import { pairedRatio, sampled, type Ratio } from "./measure/statistics.ts";

/** What a run found, as far as goals speak about it. */
export interface Findings {
  readonly roundsOf: ReadonlyMap<string, readonly Round[]>;
  readonly figuresOf: ReadonlyMap<string, readonly number[]>;
  /** Why a peer or probe was left out, by its name; `undefined` for those nobody left out. */
  readonly whyNot: (name: string) => string | undefined;
}

/** How a goal stands. */
export interface GoalState {
  readonly title: string;
  readonly atMost?: number;
  /** Of the figure; absent: a ratio. */
  readonly unit?: "KiB" | "MiB";
  readonly found?: Ratio;
  /** Decided only where the whole interval lies on one side of the goal; within 10 % of it only after ten rounds. */
  readonly state: "met" | "not met" | "undecided" | "no goal" | "not measured";
  /** Why it was not measured. */
  readonly why?: string;
}

/** Every row of the goals table, also those that nothing was found about. */
export const goalStates = (findings: Findings): readonly GoalState[] => GOALS.map((goal) => stateOf(goal, findings));

function stateOf(goal: Goal, findings: Findings): GoalState {
  const { title, atMost } = goal;
  const row = { title, ...(atMost === undefined ? {} : { atMost }), ...("unit" in goal ? { unit: goal.unit } : {}) };
  const found = foundFor(goal, findings);
  return typeof found === "string"
    ? { ...row, state: "not measured", why: found }
    : { ...row, found, state: verdict(found, atMost, goal.kind === "figure") };
}

/** The figure, or why there is none. */
function foundFor(goal: Goal, { roundsOf, figuresOf, whyNot }: Findings): Ratio | string {
  const because = (...names: readonly string[]): string =>
    names.map((name) => whyNot(name)).find((why) => why !== undefined) ?? "left out of this run";
  switch (goal.kind) {
    case "figure": {
      const figures = figuresOf.get(goal.probe);
      return figures === undefined ? because(goal.probe) : sampled(figures);
    }
    case "ratio":
    case "further-review": {
      const [ours, anchor] = [roundsOf.get(goal.ours), roundsOf.get(goal.anchor)];
      if (ours === undefined || anchor === undefined) return because(goal.ours, goal.anchor);
      return goal.kind === "ratio" ? whole(ours, anchor, goal.of) : further(ours, anchor, goal.furtherReviews);
    }
    default:
      return goal satisfies never;
  }
}

const whole = (ours: readonly Round[], anchor: readonly Round[], of: "cpuUs" | "p50Ms"): Ratio =>
  pairedRatio(
    ours.map((round) => round[of]),
    anchor.map((round) => round[of]),
  );

const further = (ours: readonly Round[], anchor: readonly Round[], reviews: number): Ratio =>
  pairedRatio(
    ours.map(({ cpuUs }, round) => (cpuUs - (anchor[round]?.cpuUs ?? Number.NaN)) / reviews),
    anchor.map(({ cpuUs }) => cpuUs),
  );

const ROUNDS_TO_BE_SURE = 10;

/** A probe's repeats are no rounds: no anchor moves with them, so their interval alone decides. */
function verdict({ median, interval, rounds }: Ratio, atMost: number | undefined, isFigure: boolean): GoalState["state"] {
  if (atMost === undefined) return "no goal";
  const isClose = Math.abs(median / atMost - 1) <= 0.1;
  if (interval === undefined || (isClose && !isFigure && rounds < ROUNDS_TO_BE_SURE)) return "undecided";
  const [low, high] = interval;
  return high <= atMost ? "met" : low > atMost ? "not met" : "undecided";
}
