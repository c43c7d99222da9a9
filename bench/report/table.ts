import type { GoalState } from "../goals.ts";
import type { PeerReport, Report } from "./report.ts";

/** The report as Markdown that also reads well on a terminal: columns are padded. */
export function toMarkdown(report: Report): string {
  const { machine, terms, scenarios, goals, missing, note, startedAt } = report;
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
    ...(goals.length === 0 ? [] : ["## Ratios of CPU per request", table(GOAL_COLUMNS, goals.map(goalRow))]),
    ...(missing.length === 0 ? [] : [`Not measured: ${missing.join("; ")}.`]),
    scenarios.flatMap(({ peers }) => peers.map(({ name, description }) => `- ${name}: ${description}`)).join("\n"),
    "",
  ]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}

const PEER_COLUMNS = ["peer", "CPU µs", "gateway", "service", "req/s", "p50 ms", "p99 ms", "p99.9 ms", "RSS MiB"];

function peerRow({ name, medians }: PeerReport): readonly string[] {
  const { cpuUs, gatewayCpuUs, serviceCpuUs, requestsPerS, p50Ms, p99Ms, p999Ms, rssMiB } = medians;
  const figures = [
    cpuUs.toFixed(1),
    gatewayCpuUs.toFixed(1),
    serviceCpuUs === 0 ? "–" : serviceCpuUs.toFixed(1),
    thousands(requestsPerS),
  ];
  return [name, ...figures, p50Ms.toFixed(2), p99Ms.toFixed(2), p999Ms.toFixed(2), rssMiB.toFixed(0)];
}

const GOAL_COLUMNS = ["ratio", "measured", "95 % interval", "goal", ""];

function goalRow({ title, ratio, atMost, state }: GoalState): readonly string[] {
  const interval = ratio.interval === undefined ? "–" : ratio.interval.map((end) => end.toFixed(3)).join(" … ");
  return [title, ratio.median.toFixed(3), interval, atMost === undefined ? "–" : `≤ ${atMost}`, state];
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
