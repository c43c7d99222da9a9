import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import type * as WsModule from "ws";
import type { ClientOptions, RawData, WebSocket, WebSocketServer } from "ws";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";

const isInstalled = existsSync(fileURLToPath(new URL("node_modules/ws/package.json", import.meta.url)));
const skipped = isInstalled ? "" : " (SKIPPED: `npm ci --ignore-scripts` in test/compat installs it)";

const config = (upstream: string): string => `upstreams: { main: { endpoints: ["${upstream}"] } }
defaults: { route: { authenticate: [anonymous] } }
authenticators: { ops: { type: static-token, token_file: ops.token, principal: { id: ops } } }
routes:
  - { name: echo, match: { path: /echo/** }, upstream: main, websocket: { max_message_bytes: 64MiB } }
  - { name: small, match: { path: /small/** }, upstream: main, websocket: { max_message_bytes: 1KiB } }
  - { name: status, match: { path: /status/** }, upstream: main }
  - { name: closed, match: { path: /closed }, upstream: main, authenticate: [ops] }
`;

interface Pair {
  readonly client: WebSocket;
  readonly server: WebSocket;
}

/** Code and reason a socket was closed with. */
const closing = (socket: WebSocket): Promise<readonly [number, string]> =>
  new Promise((resolve) => socket.once("close", (code, reason) => resolve([code, String(reason)])));

const nextMessage = (socket: WebSocket): Promise<{ readonly bytes: Buffer; readonly isBinary: boolean }> =>
  new Promise((resolve) => socket.once("message", (bytes, isBinary) => resolve({ bytes: asBuffer(bytes), isBinary })));

const asBuffer = (bytes: RawData): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.concat([bytes].flat().map((part) => Buffer.from(part as Uint8Array)));

describe.skipIf(!isInstalled)(`\`ws\` at both ends${skipped}`, async () => {
  const { WebSocket: Client, WebSocketServer: Sockets } = isInstalled ? await import("ws") : ({} as typeof WsModule); // not used where it is not there
  let http: Server;
  let sockets: WebSocketServer;
  let gateway: TestGateway;

  beforeAll(async () => {
    http = createServer((_request, response) => void response.writeHead(426, { upgrade: "websocket" }).end("upgrade"));
    sockets = new Sockets({
      noServer: true,
      perMessageDeflate: { threshold: 0 },
      maxPayload: 64 * 1024 * 1024,
      handleProtocols: (offered) => (offered.has("second") ? "second" : false),
    });
    http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const [, status] = /^\/status\/(\d{3})/.exec(request.url ?? "") ?? [];
      if (status !== undefined)
        return void socket.end(`HTTP/1.1 ${status} No\r\nx-why: told\r\ncontent-length: 6\r\nconnection: close\r\n\r\nreason`);
      sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit("connection", opened));
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const { port } = http.address() as AddressInfo; // a listening TCP server has an AddressInfo
    gateway = await startGateway({ config: config(`http://127.0.0.1:${port}`), files: { "ops.token": "t".repeat(32) } });
  });

  afterAll(async () => {
    for (const socket of sockets?.clients ?? []) socket.terminate();
    await gateway?.[Symbol.asyncDispose]();
    await new Promise((resolve) => http?.close(resolve));
  });

  afterEach(() => {
    for (const socket of sockets.clients) socket.terminate();
  });

  const address = (path: string): string => gateway.url.replace("http", "ws") + path;

  async function open(path = "/echo/a", protocols: string[] = [], options: ClientOptions = {}): Promise<Pair> {
    const opened = new Promise<WebSocket>((resolve) => sockets.once("connection", resolve));
    const client = new Client(address(path), protocols, options);
    client.on("error", () => {});
    const refused = new Promise<never>((_, reject) => client.once("error", reject));
    await Promise.race([new Promise((resolve) => client.once("open", resolve)), refused]);
    const server = await opened;
    server.on("error", () => {});
    return { client, server };
  }

  it.each([
    ["without compression", {}, ""],
    ["with permessage-deflate", { perMessageDeflate: { threshold: 0 } }, "permessage-deflate"],
    [
      "with permessage-deflate of the client's terms",
      {
        perMessageDeflate: {
          threshold: 0,
          clientNoContextTakeover: true,
          serverNoContextTakeover: true,
          serverMaxWindowBits: 10,
        },
      },
      "permessage-deflate",
    ],
  ])("carries text and bytes exactly, %s", async (_how, options, extensions) => {
    const { client, server } = await open("/echo/a", [], "perMessageDeflate" in options ? options : { perMessageDeflate: false });
    expect(client.extensions).toBe(extensions);
    server.on("message", (bytes, isBinary) => server.send(asBuffer(bytes), { binary: isBinary }));
    for (const bytes of [0, 1, 125, 126, 127, 65_535, 65_536, 1_048_576, 4_000_000]) {
      const isBinary = bytes % 2 === 0;
      const sent = isBinary ? randomBytes(bytes) : Buffer.from("ä€😀x".repeat(Math.ceil(bytes / 10)));
      const echoed = nextMessage(client);
      client.send(isBinary ? sent : String(sent));
      const received = await echoed;
      expect(received.isBinary).toBe(isBinary);
      expect(received.bytes.equals(sent)).toBe(true);
    }
    const closed = closing(client);
    client.close();
    expect(await closed).toEqual([1005, ""]);
  });

  it("agrees on the subprotocol its server chooses, and on none where it chooses none", async () => {
    const chosen = await open("/echo/a", ["first", "second"]);
    expect([chosen.client.protocol, chosen.server.protocol]).toEqual(["second", "second"]);
    const none = await open("/echo/a", []);
    expect([none.client.protocol, none.server.protocol]).toEqual(["", ""]);
    for (const { client } of [chosen, none]) client.terminate();
  });

  it("pings and is answered with the same bytes, both ways, in the middle of a message too", async () => {
    const { client, server } = await open("/echo/a", [], { perMessageDeflate: false });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      const asked = new Promise((resolve) => other.once("ping", resolve));
      const answered = new Promise((resolve) => one.once("pong", resolve));
      const whole = nextMessage(other);
      one.send("first half, ", { fin: false });
      one.ping("are you there?");
      one.send("second half", { fin: true });
      expect(await asked).toEqual(Buffer.from("are you there?"));
      expect(await answered).toEqual(Buffer.from("are you there?"));
      expect(String((await whole).bytes)).toBe("first half, second half");
    }
    client.terminate();
  });

  const CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4403, 4999];

  it.each(["client", "server"] as const)("is closed with every code that may be sent, its %s being first", async (first) => {
    for (const code of CODES) {
      const pair = await open();
      const both = Promise.all([closing(pair.client), closing(pair.server)]);
      pair[first].close(code, `reason ${code} ü`);
      expect(await both).toEqual([
        [code, `reason ${code} ü`],
        [code, `reason ${code} ü`],
      ]);
    }
  });

  it("tells one end that the other broke off", async () => {
    const one = await open();
    const atServer = closing(one.server);
    one.client.terminate();
    expect((await atServer)[0]).toBe(1006);
    const other = await open();
    const atClient = closing(other.client);
    other.server.terminate();
    expect(await atClient).toEqual([1011, "the upstream is gone"]);
  });

  const refusedWith = (path: string): Promise<readonly [number | undefined, string | undefined, string]> =>
    new Promise((resolve, reject) => {
      const client = new Client(address(path));
      client.on("error", reject);
      client.on("open", () => reject(new Error("opened")));
      client.on("unexpected-response", (_request, response) => {
        let body = "";
        response.on("data", (part) => (body += String(part)));
        response.on("end", () => {
          const why = response.headers["x-why"];
          resolve([response.statusCode, typeof why === "string" ? why : undefined, body]);
        });
      });
    });

  it.each([400, 401, 403, 404, 426, 429])("is refused by its upstream with %i, and sees why", async (status) => {
    expect(await refusedWith(`/status/${status}`)).toEqual([status, "told", "reason"]);
  });

  it.each([500, 503])("is refused by its upstream with %i, and sees nothing of its inside", async (status) => {
    const [seen, why, body] = await refusedWith(`/status/${status}`);
    expect([seen, why, JSON.parse(body)]).toMatchObject([status, undefined, { code: "upstream_error" }]);
  });

  it.each([
    ["/nowhere", 404, "route_not_found"],
    ["/closed", 401, "credential_missing"],
  ])("is refused by the gateway: %s", async (path, status, code) => {
    const [seen, , body] = await refusedWith(path);
    expect([seen, JSON.parse(body)]).toMatchObject([status, { code }]);
  });

  it("is closed with 1009 for a message over the route's limit, in parts too", async () => {
    const whole = await open("/small/a", [], { perMessageDeflate: false });
    const told = closing(whole.client);
    whole.client.send(Buffer.alloc(1_025));
    expect((await told)[0]).toBe(1009);
    const { client, server } = await open("/small/a", [], { perMessageDeflate: false });
    const toldLater = closing(client);
    const gone = closing(server);
    client.send(Buffer.alloc(1_024), { fin: false });
    client.send(Buffer.alloc(1), { fin: true });
    expect((await toldLater)[0]).toBe(1009);
    expect((await gone)[0]).toBe(1001);
  });

  it("waits while the other end does not read, and loses nothing", async () => {
    const { client, server } = await open("/echo/a", [], { perMessageDeflate: false });
    const payload = randomBytes(1_048_576);
    for (const [sender, reader] of [
      [client, server],
      [server, client],
    ] as const) {
      const received: Buffer[] = [];
      reader.on("message", (bytes) => received.push(asBuffer(bytes)));
      reader.pause();
      for (let i = 0; i < 48; i += 1) sender.send(payload);
      // what the kernels and the gateway hold is less than was sent
      await expect.poll(() => sender.bufferedAmount < 48 * payload.length).toBe(true);
      expect(sender.bufferedAmount).toBeGreaterThan(8 * payload.length);
      expect(received).toEqual([]);
      reader.resume();
      await expect.poll(() => received.length, { timeout: 30_000 }).toBe(48);
      expect(received.every((bytes) => bytes.equals(payload))).toBe(true);
    }
    client.terminate();
  });

  it("is open three hundred times beside itself", async () => {
    const openOnes = async (): Promise<number> => {
      const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      return Number(/^sallyport_websockets_open (\d+)$/m.exec(text)?.[1]);
    };
    await expect.poll(openOnes).toBe(0);
    sockets.on("connection", echo);
    const clients = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const client = new Client(address(`/echo/${i}`));
        await new Promise((resolve, reject) => client.once("open", resolve).once("error", reject));
        return client;
      }),
    );
    expect(await openOnes()).toBe(300);
    const answers = await Promise.all(
      clients.map(async (client, i) => {
        const answer = nextMessage(client);
        client.send(`I am ${i}`);
        return String((await answer).bytes);
      }),
    );
    expect(answers).toEqual(clients.map((_, i) => `I am ${i}`));
    const closed = Promise.all(clients.map(closing));
    for (const client of clients) client.close(1000);
    expect((await closed).every(([code]) => code === 1000)).toBe(true);
    await expect.poll(openOnes).toBe(0);
    sockets.off("connection", echo);
  });
});

function echo(socket: WebSocket): void {
  socket.on("message", (bytes, isBinary) => socket.send(asBuffer(bytes), { binary: isBinary }));
}
