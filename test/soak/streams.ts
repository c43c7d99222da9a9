import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { handshake, openWebSocket, OPCODES, roomIn, startWebSocketUpstream } from "../support/websocket-peer.ts";
import { http1Asker, http2Asker, type Asker } from "./askers.ts";
import { mib, ms, quantile, type Figure } from "./figure.ts";
import { openScene, type Scene } from "./scene.ts";

const MIB = 1024 * 1024;
const PIECE = Buffer.alloc(256 * 1024, "x");

/** How long slow readers are watched, milliseconds: by then all that is buffered on the way is. */
const WATCH_MS = 15_000;

/** R20 and the memory of large bodies: what passes a reviewed route must neither wait nor pile up. */
export async function streams(): Promise<readonly Figure[]> {
  const sockets = await startWebSocketUpstream();
  try {
    await using tunnels = await openScene(sockets.url);
    await throughSocket(tunnels, sockets, 64 * MIB);
    return [
      ...(await bodies(http1Asker)),
      await grown(tunnels, "256 MiB each way through a WebSocket", 64, () => throughSocket(tunnels, sockets, 256 * MIB)),
    ];
  } finally {
    await sockets[Symbol.asyncDispose]();
  }
}

/** The same for clients that speak HTTP/2. */
export const streamsOverHttp2 = (): Promise<readonly Figure[]> => bodies(http2Asker);

async function bodies(asker: Asker): Promise<readonly Figure[]> {
  const upstream = await startBulk();
  try {
    await using scene = await openScene(upstream.url);
    const stage = { scene, asker, url: scene.guardedUrl };
    await up(stage, 64 * MIB);
    await down(stage, 64 * MIB);
    return [
      await grown(scene, "1 GiB up through a reviewed route", 64, () => up(stage, 1024 * MIB)),
      await grown(scene, "1 GiB down through a reviewed route", 64, () => down(stage, 1024 * MIB)),
      await grown(scene, "a reader of 1 KiB/s of 1 GiB, after 15 s", 64, () =>
        slowReader(stage, { bytes: 1024 * MIB, perSecond: 1024 }),
      ),
      await grown(scene, "a reader of 10 KB/s of 100 MB of events, after 15 s (R20)", 4, () =>
        slowReader(stage, { bytes: 100_000_000, perSecond: 10_000, events: true }),
      ),
      ...(await firstBytes(stage, upstream)),
      await aborts(stage, upstream),
    ];
  } finally {
    await upstream[Symbol.asyncDispose]();
  }
}

interface Stage {
  readonly scene: Scene;
  readonly asker: Asker;
  readonly url: string;
}

/** How far the gateway's memory grows while something goes on, at most. */
async function grown(scene: Scene, what: string, goalMib: number, work: () => Promise<void>): Promise<Figure> {
  const before = await scene.residentBytes();
  let peak = before;
  const watch = { isOver: false };
  const watching = (async () => {
    for (; !watch.isOver; await pause(50)) peak = Math.max(peak, await scene.residentBytes());
  })();
  await work().finally(() => (watch.isOver = true));
  await watching;
  const growth = peak - before;
  return { what: `memory: ${what}`, value: mib(growth), goal: `≤ ${goalMib} MiB`, met: growth <= goalMib * MIB };
}

interface Bulk extends AsyncDisposable {
  readonly url: string;
  /** When the upstream wrote its first event, and when one of its responses was closed before its end. */
  readonly firsts: number[];
  readonly closes: number[];
}

/** Takes bodies of any length, gives `?bytes=`, and streams of events that begin and stay open. */
async function startBulk(): Promise<Bulk> {
  const firsts: number[] = [];
  const closes: number[] = [];
  const server = createServer((incoming, response) => {
    const { searchParams, pathname } = new URL(incoming.url ?? "", "http://bulk");
    if (incoming.method === "POST") return void incoming.resume().once("end", () => response.end());
    response.setHeader("content-type", searchParams.has("events") ? "text/event-stream" : "application/octet-stream");
    if (!pathname.endsWith("/open")) return void give(response, Number(searchParams.get("bytes")));
    response.once("close", () => closes.push(performance.now()));
    response.flushHeaders();
    setTimeout(() => {
      firsts.push(performance.now());
      response.write("data: first\n\n");
    }, 20);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // a listening TCP server's address is no pipe name
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    firsts,
    closes,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function give(response: ServerResponse, bytes: number): Promise<void> {
  for (let left = bytes; left > 0 && !response.destroyed; left -= PIECE.length) {
    if (!response.write(left < PIECE.length ? PIECE.subarray(0, left) : PIECE)) await roomIn(response);
  }
  response.end();
}

const up = ({ asker, url }: Stage, bytes: number): Promise<void> => asker.post(url, PIECE, bytes / PIECE.length);

async function down({ asker, url }: Stage, bytes: number): Promise<void> {
  const { body, leave } = await asker.get(`${url}?bytes=${bytes}`);
  let received = 0;
  for await (const piece of body as AsyncIterable<Buffer>) received += piece.length;
  leave();
  if (received !== bytes) throw new Error(`${received} of ${bytes} bytes came`);
}

async function slowReader(
  { asker, url }: Stage,
  { bytes, perSecond, events }: { readonly bytes: number; readonly perSecond: number; readonly events?: boolean },
): Promise<void> {
  const { body, leave } = await asker.get(`${url}?bytes=${bytes}${events === true ? "&events" : ""}`);
  const endsMs = performance.now() + WATCH_MS;
  while (performance.now() < endsMs) {
    body.read(perSecond / 4);
    await pause(250);
  }
  leave();
}

async function throughSocket(
  { guardedUrl }: Scene,
  upstream: Awaited<ReturnType<typeof startWebSocketUpstream>>,
  bytes: number,
): Promise<void> {
  const opened = upstream.opened();
  const client = await openWebSocket({ url: new URL(guardedUrl).origin }, handshake("/guarded/socket"));
  const server = await opened;
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    const receiving = (async () => {
      for (let received = 0; received < bytes; received += PIECE.length) {
        if ((await to.next()) === undefined) throw new Error("the WebSocket ended");
        to.forget();
      }
    })();
    for (let sent = 0; sent < bytes; sent += PIECE.length) await from.send(OPCODES.binary, PIECE);
    await receiving;
  }
  client.socket.destroy();
}

/** From the upstream's first event to the client's. */
async function firstBytes({ asker, url }: Stage, { firsts }: Bulk): Promise<readonly Figure[]> {
  const lateMs: number[] = [];
  for (let i = 0; i < 50; i += 1) {
    const { body, leave } = await asker.get(`${url}/open?events`);
    await once(body, "data");
    lateMs.push(performance.now() - (firsts.at(-1) ?? 0));
    leave();
  }
  const p50 = quantile(lateMs, 0.5);
  return [
    { what: "first event, upstream to client, median of 50 (R20)", value: ms(p50), goal: "≤ 5 ms", met: p50 <= 5 },
    { what: "the same, the slowest", value: ms(Math.max(...lateMs)), goal: "" },
  ];
}

/** From a client's leaving to the upstream's hearing of it. */
async function aborts({ asker, url }: Stage, { closes }: Bulk): Promise<Figure> {
  const lateMs: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    const { body, leave } = await asker.get(`${url}/open?events`);
    await once(body, "data");
    await pause(20);
    const seen = closes.length;
    const leftMs = performance.now();
    leave();
    while (closes.length === seen && performance.now() - leftMs < 5_000) await pause(1);
    lateMs.push((closes[seen] ?? Number.POSITIVE_INFINITY) - leftMs);
  }
  const worst = Math.max(...lateMs);
  return {
    what: "a client's leaving reaches the upstream, slowest of 20 (R20)",
    value: ms(worst),
    goal: "≤ 500 ms",
    met: worst <= 500,
  };
}
