import { parseArgs } from "node:util";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { systemIds } from "../../src/adapters/system/ids.ts";
import { pinoLog } from "../../src/adapters/telemetry/pino-log.ts";
import { prometheusMetrics } from "../../src/adapters/telemetry/prometheus-metrics.ts";
import { assemble } from "../../src/app/assemble.ts";
import { CaptureRoom } from "../../src/app/capture-room.ts";
import { OpenEventStreams } from "../../src/app/open-event-streams.ts";
import { pipelineParts } from "../../src/app/pipeline-parts.ts";
import { PlanHolder } from "../../src/app/plan-holder.ts";
import type { Lease } from "../../src/app/resource-pool.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { CancelSource } from "../../src/model/cancel.ts";
import { HeaderLines } from "../../src/model/header-lines.ts";
import { compile } from "../../src/plan/compile.ts";
import { pipeline } from "../../src/pipeline/handle.ts";
import type { Handle } from "../../src/ports/inbound.ts";
import type { Upstream } from "../../src/ports/upstream.ts";
import { median, pairedRatio } from "../measure/statistics.ts";
import { sallyportConfig } from "../peers/sallyport-config.ts";
import type { SallyportTerms } from "../peers/sallyport-terms.ts";

/**
 * CPU microseconds of a plain request in the pipeline alone, log line and metrics included, by what else the plan holds: one process, no
 * sockets, an upstream that answers at once. What a whole gateway adds is the same for all, so a ratio here is higher than it is there.
 *
 *     node bench/plan-sizes/compare.ts [--requests 5000] [--rounds 40] [--routes 100000]
 */
const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "5000" },
    rounds: { type: "string", default: "40" },
    routes: { type: "string", default: "100000" },
  },
});
const requests = Number(values.requests);

const reviews = (others: number): NonNullable<SallyportTerms["reviews"]> => ({
  bindings: 1,
  mode: "mutate",
  needs: [],
  transport: "mtls",
  others,
});

/** The first is what the others are compared with. */
const PLANS: readonly SallyportTerms[] = [
  { name: "ten routes, no interceptor", description: "" },
  { name: "a binding of another route", description: "", reviews: reviews(0) },
  { name: "10 bindings of others", description: "", reviews: reviews(9) },
  { name: "10,000 bindings of others", description: "", reviews: reviews(9_999) },
  { name: `${values.routes} routes`, description: "", routes: Number(values.routes) },
];

const answer = { status: 200, headers: HeaderLines.of(["content-type", "application/json"]), body: new Uint8Array(1024) };
const upstream: Upstream = {
  send: () => Promise.resolve({ ok: true, value: answer }),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

const lease: Lease<Upstream> = { resource: upstream, share: () => lease, release: () => Promise.resolve() };

/** A pipeline with its plan. Interceptors are not described: here only what matches is of interest. */
async function start(terms: SallyportTerms): Promise<Handle> {
  const startedMs = performance.now();
  const pair = { certFile: "cert.pem", keyFile: "key.pem", dnsName: "bench.test" };
  const place = {
    endpoint: "grpcs://127.0.0.1:9",
    upstreamPort: 9,
    certificates: { caFile: "ca.pem", client: pair, server: pair },
  };
  // who was not described yet closes no route here
  const text = sallyportConfig(terms, place).replaceAll("timeout: 5s", "timeout: 5s\n    failure_policy: fail-open");
  const source = { file: "gateway.yaml", text };
  const loaded = await loadConfig(source, { env: {}, readFile: () => Promise.resolve({ ok: false, error: "no file is read" }) });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error[0]));
  const { config, positions } = loaded.value;
  const plan = compile(config, new Map(), (pointer) => positions.at(pointer));
  if (!plan.ok) throw new Error(JSON.stringify(plan.error[0]));
  const [clock, metrics, log] = [systemClock(), prometheusMetrics(), pinoLog({ level: "info", destination: { line: () => {} } })];
  const upstreams = new Map(config.upstreams.map(({ name }) => [name, lease]));
  const resources = { metrics, clock, ids: systemIds(), eventStreams: new OpenEventStreams(clock) };
  const runnable = assemble(plan.value, config, { ...resources, clients: new Map(), upstreams });
  const plans = new PlanHolder({ plan: runnable, retire: () => Promise.resolve() });
  const captured = new CaptureRoom(1);
  const { deps } = pipelineParts({ plans, clock, ids: systemIds(), log, captured }, { metrics, config, reviews: () => "none" });
  process.stderr.write(`${terms.name}: loaded in ${Math.round(performance.now() - startedMs)} ms\n`);
  return pipeline(deps);
}

const LINES = Array.from({ length: 11 }, (_, at) => [`x-header-${at}`, "v".repeat(64)] as const);

async function burst(handle: Handle): Promise<number> {
  const before = process.cpuUsage();
  for (let at = 0; at < requests; at += 1) {
    const headers = HeaderLines.of(["host", "127.0.0.1:8080"], ...LINES);
    const received = { method: "GET", requestTarget: `/plain/orders/${at % 100}`, headers, body: undefined };
    const place = { scheme: "http", listener: "public", peerAddress: "127.0.0.1", tlsSubject: "" } as const;
    const { response, onSent } = await handle({ ...received, ...place }, new CancelSource());
    if (response.status !== 200) throw new Error(`answered ${response.status}`);
    onSent({ bytes: 1024, completed: true });
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / requests;
}

const lanes: { readonly name: string; readonly handle: Handle; readonly rounds: number[] }[] = [];
for (const terms of PLANS) lanes.push({ name: terms.name, handle: await start(terms), rounds: [] });
for (let warm = 0; warm < 8; warm += 1) for (const { handle } of lanes) await burst(handle);
for (let round = 0; round < Number(values.rounds); round += 1) {
  const first = round % lanes.length;
  for (const { handle, rounds } of [...lanes.slice(first), ...lanes.slice(0, first)]) rounds.push(await burst(handle));
}
const anchor = lanes[0]?.rounds ?? [];
for (const { name, rounds } of lanes) {
  const { median: ratio, interval = [] } = pairedRatio(rounds, anchor);
  const bounds = interval.map((bound) => bound.toFixed(3)).join(" … ");
  process.stdout.write(`${name.padEnd(28)} ${median(rounds).toFixed(2).padStart(7)} µs  ${ratio.toFixed(3)} (${bounds})\n`);
}
