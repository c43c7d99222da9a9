import type { GoalState } from "../goal-states.ts";
import type { ProbeReport } from "../probes/probe.ts";
import { median } from "../measure/statistics.ts";
import type { PeerReport, Report } from "./report.ts";

/** The report as Markdown that also reads well on a terminal: columns are padded. */
export function toMarkdown(report: Report): string {
  const { machine, terms, scenarios, probes, goals, missing, note, startedAt } = report;
  const compared = goals.filter((each) => !isGoal(each) && each.found !== undefined);
  return [
    `# Bench of ${startedAt.slice(0, 16).replace("T", " ")} UTC`,
    ...(note === undefined ? [] : [`**${note}**`]),
    [
      `${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}; load ${machine.loadBefore.toFixed(2)} before the run.`,
      `${Object.entries(machine.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", ")}.`,
      `${terms.connections} kept-alive connections, ${terms.rounds} interleaved rounds of ${terms.seconds} s after ${terms.warmUpRequests} requests; medians. CPU: microseconds per request, user and system.`,
    ].join("\n"),
    ...scenarios.flatMap(({ title, peers }) => [`## ${title}`, table(PEER_COLUMNS, peers.map(peerRow))]),
    ...(probes.length === 0 ? [] : ["## Memory", table(PROBE_COLUMNS, probes.map(probeRow))]),
    "## Goals",
    table(GOAL_COLUMNS, goals.filter(isGoal).map(goalRow)),
    ...(compared.length === 0 ? [] : ["## Ratios without a goal", table(RATIO_COLUMNS, compared.map(ratioRow))]),
    ...(missing.length === 0 ? [] : [`Not measured: ${missing.join("; ")}.`]),
    [...scenarios.flatMap(({ peers }) => peers), ...probes.map(({ title, description }) => ({ name: title, description }))]
      .map(({ name, description }) => `- ${name}: ${description}`)
      .join("\n"),
    "",
  ]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}

const PEER_COLUMNS = ["peer", "CPU µs", "gateway", "service", "req/s", "p50 ms", "p99 ms", "p99.9 ms", "RSS MiB", "start s"];

function peerRow({ name, medians, startMs }: PeerReport): readonly string[] {
  const { cpuUs, gatewayCpuUs, serviceCpuUs, requestsPerS, p50Ms, p99Ms, p999Ms, rssMiB } = medians;
  const figures = [
    cpuUs.toFixed(1),
    gatewayCpuUs.toFixed(1),
    serviceCpuUs === 0 ? "–" : serviceCpuUs.toFixed(1),
    thousands(requestsPerS),
  ];
  return [
    name,
    ...figures,
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
    p999Ms.toFixed(2),
    rssMiB.toFixed(0),
    (startMs / 1_000).toFixed(1),
  ];
}

const PROBE_COLUMNS = ["figure", "median", "unit", "each time"];

const probeRow = ({ title, unit, figures }: ProbeReport): readonly string[] => [
  title,
  median(figures).toFixed(1),
  unit,
  figures.map((figure) => figure.toFixed(1)).join(" "),
];

const isGoal = ({ atMost }: GoalState): boolean => atMost !== undefined;

const GOAL_COLUMNS = ["goal", "measured", "95 % interval", "at most", ""];

const RATIO_COLUMNS = ["ratio", "measured", "95 % interval"];

const ratioRow = (state: GoalState): readonly string[] => goalRow(state).slice(0, RATIO_COLUMNS.length);

function goalRow({ title, found, unit, atMost, state, why }: GoalState): readonly string[] {
  const digits = unit === undefined ? 3 : 1;
  const measured = found === undefined ? "–" : `${found.median.toFixed(digits)}${unit === undefined ? "" : ` ${unit}`}`;
  const interval = found?.interval?.map((end) => end.toFixed(digits)).join(" … ") ?? "–";
  const wanted = atMost === undefined ? "–" : `${atMost}${unit === undefined ? "" : ` ${unit}`}`;
  return [title, measured, interval, wanted, why === undefined ? state : `${state}: ${why}`];
}

const thousands = (value: number): string =>
  Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");

/** First column to the left, the others to the right, as prettier lays tables out. */
function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((title, column) => Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (column === 0 ? (cells[column] ?? "").padEnd(width) : (cells[column] ?? "").padStart(width))).join(" | ")} |`;
  const rule = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(columns), line(rule), ...rows.map(line)].join("\n");
}
