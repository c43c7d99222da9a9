import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { handshake, openWebSocket, OPCODES, roomIn, startWebSocketUpstream } from "../support/websocket-peer.ts";
import { mib, ms, quantile, type Figure } from "./figure.ts";
import { openScene, type Scene } from "./scene.ts";

const MIB = 1024 * 1024;
const PIECE = Buffer.alloc(256 * 1024, "x");

/** How long slow readers are watched, milliseconds: by then all that is buffered on the way is. */
const WATCH_MS = 15_000;

/** R20 and the memory of large bodies: what passes a reviewed route must neither wait nor pile up. */
export async function streams(): Promise<readonly Figure[]> {
  const upstream = await startBulk();
  const sockets = await startWebSocketUpstream();
  try {
    await using scene = await openScene(upstream.url);
    await using tunnels = await openScene(sockets.url);
    await up(scene, 64 * MIB);
    await down(scene, 64 * MIB);
    await throughSocket(tunnels, sockets, 64 * MIB);
    return [
      await grown(scene, "1 GiB up through a reviewed route", 64, () => up(scene, 1024 * MIB)),
      await grown(scene, "1 GiB down through a reviewed route", 64, () => down(scene, 1024 * MIB)),
      await grown(scene, "a reader of 1 KiB/s of 1 GiB, after 15 s", 64, () =>
        slowReader(scene, { bytes: 1024 * MIB, perSecond: 1024 }),
      ),
      await grown(scene, "a reader of 10 KB/s of 100 MB of events, after 15 s (R20)", 4, () =>
        slowReader(scene, { bytes: 100_000_000, perSecond: 10_000, events: true }),
      ),
      await grown(tunnels, "256 MiB each way through a WebSocket", 64, () => throughSocket(tunnels, sockets, 256 * MIB)),
      ...(await firstBytes(scene, upstream)),
      await aborts(scene, upstream),
    ];
  } finally {
    await Promise.all([upstream[Symbol.asyncDispose](), sockets[Symbol.asyncDispose]()]);
  }
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

async function ask(
  url: string,
  method = "GET",
): Promise<{ asking: ReturnType<typeof request>; answered: Promise<IncomingMessage> }> {
  const asking = request(url, { method, agent: false });
  const answered = new Promise<IncomingMessage>((resolve, reject) => asking.once("response", resolve).once("error", reject));
  if (method === "GET") asking.end();
  return { asking, answered };
}

async function up({ guardedUrl }: Scene, bytes: number): Promise<void> {
  const { asking, answered } = await ask(guardedUrl, "POST");
  for (let left = bytes; left > 0; left -= PIECE.length) if (!asking.write(PIECE)) await once(asking, "drain");
  asking.end();
  const response = await answered;
  if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}`);
  response.resume();
  await once(response, "end");
}

async function down({ guardedUrl }: Scene, bytes: number): Promise<void> {
  const response = await (await ask(`${guardedUrl}?bytes=${bytes}`)).answered;
  let received = 0;
  for await (const piece of response as AsyncIterable<Buffer>) received += piece.length;
  if (received !== bytes) throw new Error(`${received} of ${bytes} bytes came`);
}

async function slowReader(
  { guardedUrl }: Scene,
  { bytes, perSecond, events }: { readonly bytes: number; readonly perSecond: number; readonly events?: boolean },
): Promise<void> {
  const { asking, answered } = await ask(`${guardedUrl}?bytes=${bytes}${events === true ? "&events" : ""}`);
  const response = await answered;
  const endsMs = performance.now() + WATCH_MS;
  while (performance.now() < endsMs) {
    response.read(perSecond / 4);
    await pause(250);
  }
  asking.destroy();
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
async function firstBytes({ guardedUrl }: Scene, { firsts }: Bulk): Promise<readonly Figure[]> {
  const lateMs: number[] = [];
  for (let i = 0; i < 50; i += 1) {
    const { asking, answered } = await ask(`${guardedUrl}/open?events`);
    const response = await answered;
    await once(response, "data");
    lateMs.push(performance.now() - (firsts.at(-1) ?? 0));
    asking.destroy();
  }
  const p50 = quantile(lateMs, 0.5);
  return [
    { what: "first event, upstream to client, median of 50 (R20)", value: ms(p50), goal: "≤ 5 ms", met: p50 <= 5 },
    { what: "the same, the slowest", value: ms(Math.max(...lateMs)), goal: "" },
  ];
}

/** From a client's leaving to the upstream's hearing of it. */
async function aborts({ guardedUrl }: Scene, { closes }: Bulk): Promise<Figure> {
  const lateMs: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    const { asking, answered } = await ask(`${guardedUrl}/open?events`);
    await once(await answered, "data");
    await pause(20);
    const seen = closes.length;
    const leftMs = performance.now();
    asking.destroy();
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
