import { fork, type ChildProcess } from "node:child_process";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { http1Endpoints } from "../../src/adapters/upstream/http1/http1-endpoints.ts";
import { undiciEndpoints } from "../../src/adapters/upstream/undici-endpoints.ts";
import type { ByteSink } from "../../src/model/byte-stream.ts";
import { isStream } from "../../src/model/byte-stream.ts";
import { CancelSource } from "../../src/model/cancel.ts";
import { HeaderLines } from "../../src/model/header-lines.ts";
import type { UpstreamRequest } from "../../src/ports/upstream.ts";
import type { EndpointClient } from "../../src/adapters/upstream/endpoint-client.ts";

/**
 * CPU microseconds per request of the upstream clients alone, behind their port, in this process: the upstream is another one.
 *
 *     node bench/upstream-clients/compare.ts [--requests 40000] [--rounds 5] [--connections 64] [--body 0] [--answer 1024]
 *     node bench/upstream-clients/compare.ts --only http1Endpoints
 */
const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "40000" },
    rounds: { type: "string", default: "5" },
    connections: { type: "string", default: "64" },
    body: { type: "string", default: "0" },
    answer: { type: "string", default: "1024" },
    only: { type: "string" },
    url: { type: "string" },
  },
});
const requests = Number(values.requests);
const connections = Number(values.connections);
const bodyBytes = Number(values.body);

const MAKERS = { undiciEndpoints, http1Endpoints } as const;

/** What a browser or SDK sends, 12 lines and 0.9 KB, as the bench's load does. */
const LINES: readonly (readonly [string, string])[] = [
  ["host", "orders.test"],
  ["user-agent", `bench/1.0 ${"x".repeat(100)}`],
  ["accept", "application/json, text/plain;q=0.9, */*;q=0.8"],
  ["accept-language", "en-GB,en;q=0.9,de;q=0.8"],
  ["accept-encoding", "gzip, br"],
  ["cookie", `session=${"s".repeat(180)}`],
  ["authorization", `Bearer ${"t".repeat(200)}`],
  ["x-tenant-id", "tenant-0001"],
  ["x-request-id", "0c7c5a0e-8d6a-4b7e-a2f5-2f3f3e1f3b77"],
  ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
  ["cache-control", "no-cache"],
  ["via", "1.1 sallyport"],
];

const request = (): UpstreamRequest => ({
  method: bodyBytes > 0 ? "POST" : "GET",
  requestTarget: "/orders/1?expand=lines",
  headers: HeaderLines.of(...LINES),
  body: bodyBytes > 0 ? Buffer.alloc(bodyBytes, "x") : undefined,
});

/** Reads as the gateway's response writer does. */
function drink(answer: Awaited<ReturnType<EndpointClient["send"]>>): Promise<number> {
  if (!answer.ok) throw new Error(answer.error.cause);
  const { body } = answer.value;
  if (!isStream(body)) return Promise.resolve(body?.byteLength ?? 0);
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const sink: ByteSink = {
      write: (chunk) => ((bytes += chunk.byteLength), true),
      end: () => resolve(bytes),
      fail: () => reject(new Error("the body broke")),
    };
    body.pipe(sink);
  });
}

async function burst(upstream: EndpointClient, count: number): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await drink(await upstream.send(request(), new CancelSource()));
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
}

async function measure(upstream: EndpointClient): Promise<{ readonly cpuUs: number; readonly perSecond: number }> {
  const before = process.cpuUsage();
  const startedMs = performance.now();
  await burst(upstream, requests);
  const { user, system } = process.cpuUsage(before);
  return { cpuUs: (user + system) / requests, perSecond: (requests / (performance.now() - startedMs)) * 1000 };
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

function startServer(): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const child = fork(new URL("upstream.ts", import.meta.url), [values.answer]);
  return new Promise((resolve) =>
    child.once("message", (port) => resolve({ url: `http://127.0.0.1:${JSON.stringify(port)}`, child })),
  );
}

const server = values.url === undefined ? await startServer() : { url: values.url, child: undefined };
const timeouts = { connectMs: 5_000, firstByteMs: 30_000, idleMs: 60_000, totalMs: undefined };
const contestants = Object.entries(MAKERS)
  .filter(([name]) => values.only === undefined || values.only === name)
  .map(([name, make]) => ({
    name,
    upstream: make(timeouts, { clock: systemClock() })({ url: server.url }),
    rounds: [] as Awaited<ReturnType<typeof measure>>[],
  }));
for (const { upstream } of contestants) await burst(upstream, Math.min(requests, 20_000));
for (let round = 0; round < Number(values.rounds); round += 1)
  for (const { upstream, rounds } of contestants) rounds.push(await measure(upstream));
for (const { name, rounds } of contestants) {
  const cpuUs = median(rounds.map((each) => each.cpuUs)).toFixed(1);
  const perSecond = median(rounds.map((each) => each.perSecond)).toFixed(0);
  console.log(`${name.padEnd(16)} ${cpuUs.padStart(8)} CPU µs/request ${perSecond.padStart(8)} requests/s`);
}
for (const { upstream } of contestants) await upstream[Symbol.asyncDispose]();
server.child?.kill();
