import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "../../src/adapters/system/clock.ts";
import type { HttpUpstreamSettings } from "../../src/adapters/upstream/http-upstream.ts";
import { isStream, type Body } from "../../src/model/byte-stream.ts";
import { CancelSource } from "../../src/model/cancel.ts";
import { HeaderLines } from "../../src/model/header-lines.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Upstream, UpstreamRequest } from "../../src/ports/upstream.ts";
import { collect } from "../../src/support/byte-streams.ts";
import { textOf } from "./byte-flow.ts";
import { startRawUpstream } from "./raw-upstream.ts";

/** The product\'s own defaults. */
export const TIMEOUTS = { connectMs: 5_000, firstByteMs: 30_000, idleMs: 60_000, totalMs: undefined };

/** Opens an upstream of one kind over these endpoints, with whatever a test wants otherwise. */
export type UpstreamTo = (
  urls: readonly string[],
  choice?: Partial<HttpUpstreamSettings> & { readonly clock?: Clock },
) => Upstream;

/** Makes one from the factory of an adapter. */
export function opening(make: (settings: HttpUpstreamSettings, deps: { readonly clock: Clock }) => Upstream): UpstreamTo {
  return (urls, { clock = systemClock(), ...settings } = {}) =>
    make(
      { name: "orders", endpoints: urls.map((url) => ({ url })), timeouts: TIMEOUTS, maxRequests: 100, ...settings },
      { clock },
    );
}

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
