import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { BalancedUpstream } from "../../src/adapters/upstream/balance/balanced-upstream.ts";
import { OutOfService } from "../../src/adapters/upstream/balance/endpoint-signals.ts";
import type { EndpointSettings, UpstreamSettings } from "../../src/adapters/upstream/balance/upstream-settings.ts";
import type { Resolve } from "../../src/adapters/upstream/dns/name-addresses.ts";
import { systemResolve } from "../../src/adapters/upstream/dns/system-resolve.ts";
import type { OpenEndpoints } from "../../src/adapters/upstream/endpoint-client.ts";
import { prometheusMetrics } from "../../src/adapters/telemetry/prometheus-metrics.ts";
import { isStream, type Body } from "../../src/model/byte-stream.ts";
import { CancelSource } from "../../src/model/cancel.ts";
import { HeaderLines } from "../../src/model/header-lines.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Log } from "../../src/ports/log.ts";
import type { Upstream, UpstreamRequest } from "../../src/ports/upstream.ts";
import { collect } from "../../src/support/byte-streams.ts";
import { textOf } from "./byte-flow.ts";
import { startRawUpstream } from "./raw-upstream.ts";

/** The product\'s own defaults. */
export const TIMEOUTS = { connectMs: 5_000, firstByteMs: 30_000, idleMs: 60_000, totalMs: undefined };

/** The product's own defaults, for these endpoints. */
export const upstreamSettings = (
  urls: readonly (string | EndpointSettings)[],
  choice: Partial<UpstreamSettings> = {},
): UpstreamSettings => ({
  name: "orders",
  endpoints: urls.map((each) => (typeof each === "string" ? { url: each, weight: 1, priority: 0 } : each)),
  balance: "round-robin",
  timeouts: TIMEOUTS,
  maxRequests: 100,
  breaker: { failures: 5, windowMs: 10_000, openMs: 30_000, longestOpenMs: 300_000, maxPercent: 50 },
  retry: { attempts: 2, on: ["connect"], statuses: [], backoffMs: 25, budget: { percent: 20, min: 3 } },
  health: undefined,
  dns: { refreshMs: 30_000, timeoutMs: 5_000 },
  hasFallback: false,
  ...choice,
});

/** What a test wants otherwise. */
export interface UpstreamChoice extends Partial<UpstreamSettings> {
  readonly clock?: Clock;
  readonly log?: Log;
  readonly metrics?: ReturnType<typeof prometheusMetrics>;
  readonly random?: () => number;
  readonly resolve?: Resolve;
}

/** Opens an upstream of one kind over these endpoints. */
export type UpstreamTo = (urls: readonly (string | EndpointSettings)[], choice?: UpstreamChoice) => Upstream;

/** Makes one from what an adapter opens endpoints with. */
export function opening(open: OpenEndpoints): UpstreamTo {
  return (
    urls,
    { clock = systemClock(), log = SILENT, metrics = prometheusMetrics(), resolve = systemResolve, random, ...settings } = {},
  ) =>
    new BalancedUpstream(upstreamSettings(urls, settings), {
      ...{ open, resolve, clock, log, metrics, out: new OutOfService(metrics) },
      ...(random === undefined ? {} : { random }),
    });
}

const SILENT: Log = { write() {} };

/** A request to `api.test`, with these lines behind the host line. */
export const requestTo = (
  method: string,
  requestTarget = "/",
  body?: Body,
  ...lines: readonly (readonly [string, string])[]
): UpstreamRequest => ({
  method,
  requestTarget,
  headers: HeaderLines.of(["host", "api.test"], ...lines),
  body,
});

/** A server of Node\'s own on a free port. */
export async function startServer(
  listener: (...exchange: Parameters<RequestListener>) => unknown,
): Promise<AsyncDisposable & { readonly url: string; readonly server: Server }> {
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // a listening TCP server's address is no pipe name
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The whole body; throws where it breaks off. */
export async function textBody(body: Body): Promise<string> {
  if (body === undefined) return "";
  if (!isStream(body)) return textOf(body);
  const collected = await collect(body, { maxBytes: 100_000_000 });
  if (collected.kind !== "complete") throw new Error(`the body is ${collected.kind}`);
  return textOf(collected.bytes);
}

/** The whole body of a message Node received. */
export async function readAll(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

/** Sends one request to an upstream that answers each head with these bytes, and closes behind them if told. */
export async function answered(
  upstreamTo: UpstreamTo,
  bytes: string,
  choice: { readonly method?: string; readonly closes?: boolean } = {},
) {
  await using raw = await startRawUpstream((socket) => {
    socket.write(Buffer.from(bytes, "latin1"));
    if (choice.closes === true) socket.end();
  });
  await using upstream = upstreamTo([raw.url]);
  const answer = await upstream.send(requestTo(choice.method ?? "GET"), new CancelSource());
  if (!answer.ok) return answer;
  const { body } = answer.value;
  const collected = isStream(body) ? await collect(body, { maxBytes: 1_000_000 }) : undefined;
  return { ...answer, text: collected?.kind === "complete" ? textOf(collected.bytes) : (collected?.kind ?? "no body") };
}
