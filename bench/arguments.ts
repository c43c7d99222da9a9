import { parseArgs } from "node:util";
import { SCENARIOS } from "./scenarios.ts";

/** What a run was asked for. */
export interface BenchWish {
  /** Only what a goal needs. */
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpRequests: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
  readonly scenarios: readonly string[];
  /** Only peers whose name holds one of these; empty: all. */
  readonly peers: readonly string[];
  /** How often each probe is made; 0: not at all. */
  readonly probes: number;
  /** Printed with the table: what a reader has to know about the machine. */
  readonly note: string | undefined;
  readonly write: boolean;
}

/** Text of `--help`. */
export const USAGE = `npm run bench -- [flags]

  --quick              only what a goal needs, a smaller warm-up, 3 rounds of 1 s (5 to 10 minutes); for a look, not for claims
  --rounds N           rounds (10)
  --seconds N          length of a burst (4)
  --warm-up N          requests before the first round, for each peer (20000)
  --connections N      kept-alive connections (64)
  --scenario NAME      ${SCENARIOS.map(({ name }) => name).join(", ")}; repeatable (all)
  --peer TEXT          only peers whose name contains it; repeatable (all)
  --probes N           how often memory of idle connections and of streamed bodies is measured; 0: not at all
                       (3; 0 where --scenario or --peer chooses)
  --note TEXT          one sentence about the machine, kept with the results
  --no-write           leave bench/results alone`;

/** Reads the command line; throws a TypeError that says what is wrong with it. `undefined` for `--help`. */
export function readArguments(argv: readonly string[]): BenchWish | undefined {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS, allowNegative: true });
  if (values.help === true) return undefined;
  const isQuick = values.quick === true;
  const usual = isQuick ? QUICK : THOROUGH;
  const known = SCENARIOS.map(({ name }) => name);
  const unknown = values.scenario?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError(`no scenario ${unknown}; there are ${known.join(", ")}`);
  const isChosen = values.scenario !== undefined || values.peer !== undefined;
  return {
    isQuick,
    rounds: wholeNumber("--rounds", values.rounds, usual.rounds),
    seconds: wholeNumber("--seconds", values.seconds, usual.seconds),
    warmUpRequests: wholeNumber("--warm-up", values["warm-up"], usual.warmUp),
    warmUpSeconds: usual.warmUpSeconds,
    connections: wholeNumber("--connections", values.connections, 64),
    scenarios: values.scenario ?? known,
    peers: values.peer ?? [],
    probes: wholeNumber("--probes", values.probes, isChosen ? 0 : 3, 0),
    note: values.note,
    write: values.write !== false,
  };
}

const THOROUGH = { rounds: 10, seconds: 4, warmUp: 20_000, warmUpSeconds: 2 } as const;
const QUICK = { rounds: 3, seconds: 1, warmUp: 2_000, warmUpSeconds: 1 } as const;

const OPTIONS = {
  quick: { type: "boolean" },
  rounds: { type: "string" },
  seconds: { type: "string" },
  "warm-up": { type: "string" },
  connections: { type: "string" },
  scenario: { type: "string", multiple: true },
  peer: { type: "string", multiple: true },
  probes: { type: "string" },
  note: { type: "string" },
  write: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

function wholeNumber(flag: string, text: string | undefined, usual: number, least = 1): number {
  if (text === undefined) return usual;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new TypeError(`${flag} takes a whole number from ${least}, not ${text}`);
  return value;
}
