import { parseArgs } from "node:util";
import { SCENARIOS } from "./scenarios.ts";

/** What a run was asked for. */
export interface BenchWish {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpRequests: number;
  readonly connections: number;
  readonly scenarios: readonly string[];
  /** Only peers whose name holds one of these; empty: all. */
  readonly peers: readonly string[];
  /** Printed with the table: what a reader has to know about the machine. */
  readonly note: string | undefined;
  readonly write: boolean;
}

/** Text of `--help`. */
export const USAGE = `npm run bench -- [flags]

  --quick              a smaller warm-up, 3 rounds of 2 s (under three minutes); for a look, not for claims
  --rounds N           rounds (5)
  --seconds N          length of a burst (5)
  --warm-up N          requests before the first round, for each peer (20000)
  --connections N      kept-alive connections (64)
  --scenario NAME      ${SCENARIOS.map(({ name }) => name).join(", ")}; repeatable (all)
  --peer TEXT          only peers whose name contains it; repeatable (all)
  --note TEXT          one sentence about the machine, kept with the results
  --no-write           leave bench/results alone`;

/** Reads the command line; throws a TypeError that says what is wrong with it. `undefined` for `--help`. */
export function readArguments(argv: readonly string[]): BenchWish | undefined {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS, allowNegative: true });
  if (values.help === true) return undefined;
  const usual = values.quick === true ? { rounds: 3, seconds: 2, warmUp: 4_000 } : { rounds: 5, seconds: 5, warmUp: 20_000 };
  const known = SCENARIOS.map(({ name }) => name);
  const unknown = values.scenario?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError(`no scenario ${unknown}; there are ${known.join(", ")}`);
  return {
    rounds: positive("--rounds", values.rounds, usual.rounds),
    seconds: positive("--seconds", values.seconds, usual.seconds),
    warmUpRequests: positive("--warm-up", values["warm-up"], usual.warmUp),
    connections: positive("--connections", values.connections, 64),
    scenarios: values.scenario ?? known,
    peers: values.peer ?? [],
    note: values.note,
    write: values.write !== false,
  };
}

const OPTIONS = {
  quick: { type: "boolean" },
  rounds: { type: "string" },
  seconds: { type: "string" },
  "warm-up": { type: "string" },
  connections: { type: "string" },
  scenario: { type: "string", multiple: true },
  peer: { type: "string", multiple: true },
  note: { type: "string" },
  write: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

function positive(flag: string, text: string | undefined, usual: number): number {
  if (text === undefined) return usual;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new TypeError(`${flag} takes a whole number from 1, not ${text}`);
  return value;
}
