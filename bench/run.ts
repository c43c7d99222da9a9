import { rmSync } from "node:fs";
import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readArguments, USAGE, type BenchWish } from "./arguments.ts";
import { goalStates } from "./goal-states.ts";
import { GOALS } from "./goals.ts";
import { installPeers } from "./install.ts";
import { Children } from "./measure/children.ts";
import { cpuMeter } from "./measure/cpu.ts";
import { chooseLoadTool } from "./measure/load.ts";
import { measureRounds } from "./measure/rounds.ts";
import { makeCertificates } from "./peers/make-certificates.ts";
import { runProbes } from "./probes/run-probes.ts";
import { chooseWork } from "./choose-work.ts";
import { machineFacts } from "./report/machine.ts";
import { scenarioReports, type Finding, type Report } from "./report/report.ts";
import { toMarkdown } from "./report/table.ts";
import { writeReport } from "./report/write.ts";
import { laneGroups } from "./lane-groups.ts";
import { startLanes } from "./start-lanes.ts";
import { startUpstream } from "./upstream.ts";

// Measures the gateway beside its peers. The table goes to standard output, everything else to standard error; see README.md.
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(): Promise<void> {
  const wish = readArguments(process.argv.slice(2));
  if (wish === undefined) return void process.stdout.write(`${USAGE}\n`);
  if (process.platform !== "linux") throw new Error("the bench reads CPU time from /proc and needs Linux");
  if (Number(process.versions.node.split(".")[0]) < 26)
    throw new Error(`this is Node ${process.version}; \`npm run bench\` takes the project's own`);
  const installed = installPeers(say);
  const children = new Children();
  const aborting = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(name, () => aborting.abort(new Error(`stopped by ${name}`)));
  const directory = await mkdtemp(join(tmpdir(), "sallyport-bench-"));
  // also when a bug or a closed terminal ends this process where nothing can be awaited any more
  process.once("exit", () => {
    children.killAll();
    rmSync(directory, { recursive: true, force: true });
  });
  try {
    const report = await measure(wish, { installed, children, directory, signal: aborting.signal });
    process.stdout.write(`\n${toMarkdown(report)}`);
    if (wish.write) say(`\nwritten: ${await writeReport(report, join(import.meta.dirname, "results"))}.{json,md,svg}`);
  } finally {
    await children.stopAll();
  }
}

interface Surroundings {
  readonly installed: string;
  readonly children: Children;
  readonly directory: string;
  readonly signal: AbortSignal;
}

async function measure(wish: BenchWish, { installed, children, directory, signal }: Surroundings): Promise<Report> {
  const startedAt = new Date().toISOString();
  const { lanes: wanted, probes, missing, whyNot } = chooseWork(wish);
  const loadTool = chooseLoadTool(children, { directory, installed });
  const machine = machineFacts(installed, loadTool.name);
  const upstreamDirectory = join(directory, "upstream");
  await mkdir(upstreamDirectory);
  const upstream = await startUpstream(children, upstreamDirectory);
  const certificates = await makeCertificates(children, join(directory, "certs"), signal);
  say(`${wanted.length} peers, ${probes.length} probes, upstream ${upstream.name}, load ${loadTool.name}`);
  for (const line of missing) say(`missing  ${line}`);
  const place = { directory, upstreamPort: upstream.port, certificates, children };
  // before the others fill the memory
  const probed = await runProbes(probes, place, { times: wish.probes, signal, say });
  const findings: Finding[] = [];
  for (const [index, group] of laneGroups(wanted, GOALS).entries()) {
    const room = { ...place, directory: join(directory, `group-${index}`) };
    await mkdir(room.directory, { mode: 0o755 });
    const lanes = await startLanes(group, room, { loadTool, connections: wish.connections, say });
    const measured = await measureRounds(lanes, wish, { readCpu: cpuMeter(), signal, say });
    await Promise.all(lanes.map(({ running }) => running.stop()));
    findings.push(...lanes.map((lane) => ({ peer: lane.peer, startMs: lane.startMs, rounds: measured.get(lane) ?? [] })));
  }
  const { rounds, seconds, warmUpRequests, connections } = wish;
  return {
    startedAt,
    note: wish.note,
    machine: { ...machine, versions: { ...machine.versions, upstream: upstream.name } },
    terms: { rounds, seconds, warmUpRequests, connections },
    scenarios: scenarioReports(findings),
    probes: probed,
    goals: goalStates({
      roundsOf: new Map(findings.map(({ peer, rounds }) => [peer, rounds])),
      figuresOf: new Map(probed.map(({ name, figures }) => [name, figures])),
      whyNot,
    }),
    missing,
  };
}

try {
  await main();
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
