import { pairedRatio, type Ratio } from "./measure/statistics.ts";

/** CPU microseconds per request, a figure for each round. */
export type CpuByPeer = ReadonlyMap<string, readonly number[]>;

/** A ratio we want, against something measured in the same run. */
export interface Goal {
  readonly title: string;
  readonly ours: string;
  readonly anchor: string;
  /** Met at or below; absent: for comparison only. */
  readonly atMost?: number;
  /** `whole`: ours / anchor. `further-review`: what each of the three reviews beyond the first adds, / anchor. */
  readonly kind: "whole" | "further-review";
}

/** The goals that what is measured so far can speak about. */
export const GOALS: readonly Goal[] = [
  { title: "plain proxying / nginx", ours: "sallyport", anchor: "nginx", atMost: 1.25, kind: "whole" },
  { title: "plain proxying / @fastify/http-proxy", ours: "sallyport", anchor: "@fastify/http-proxy", kind: "whole" },
  {
    title: "route with no matching binding / gateway without interceptors",
    ours: "sallyport, unmatched binding",
    anchor: "sallyport",
    atMost: 1.02,
    kind: "whole",
  },
  {
    title: "one reviewed request / nginx auth_request + node:http",
    ours: "sallyport, header view",
    anchor: "nginx auth_request + node:http",
    atMost: 0.7,
    kind: "whole",
  },
  {
    title: "one reviewed request / fastify reply-from + grpc-js",
    ours: "sallyport, header view",
    anchor: "@fastify/reply-from + grpc-js",
    atMost: 0.1,
    kind: "whole",
  },
  {
    title: "each further review in series / first reviewed request",
    ours: "sallyport, 4 reviews",
    anchor: "sallyport, header view",
    atMost: 0.35,
    kind: "further-review",
  },
];

/** How a goal stands. */
export interface GoalState extends Goal {
  readonly ratio: Ratio;
  /** Decided only where the whole interval lies on one side of the goal; within 10 % of it only after ten rounds. */
  readonly state: "met" | "not met" | "undecided" | "no goal";
}

const ROUNDS_TO_BE_SURE = 10;

/** The goals both sides of which were measured. */
export function goalStates(cpu: CpuByPeer): readonly GoalState[] {
  return GOALS.flatMap((goal) => {
    const ours = cpu.get(goal.ours);
    const anchor = cpu.get(goal.anchor);
    if (ours === undefined || anchor === undefined) return [];
    const ratio = pairedRatio(
      goal.kind === "whole" ? ours : ours.map((whole, round) => (whole - (anchor[round] ?? Number.NaN)) / 3),
      anchor,
    );
    return [{ ...goal, ratio, state: stateOf(ratio, goal.atMost) }];
  });
}

function stateOf({ median, interval, rounds }: Ratio, atMost: number | undefined): GoalState["state"] {
  if (atMost === undefined) return "no goal";
  const isClose = Math.abs(median / atMost - 1) <= 0.1;
  if (interval === undefined || (isClose && rounds < ROUNDS_TO_BE_SURE)) return "undecided";
  const [low, high] = interval;
  return high <= atMost ? "met" : low > atMost ? "not met" : "undecided";
}
