import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { allow, binding, defineInterceptor, deny } from "@sallyport/interceptors-sdk";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { testCertificates } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor } from "../support/start-interceptor.ts";
import { openOnStream } from "../support/websocket-http2.ts";
import {
  handshake,
  lineOf,
  openWebSocket,
  OPCODES,
  startWebSocketUpstream,
  type WebSocketPeer,
  type WebSocketUpstream,
} from "../support/websocket-peer.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { withWorkers } from "./support/with-workers.ts";

const TLS_LISTENER = "tls: { certs: [{ cert_file: server.pem, key_file: server.key }] }, protocols: [http1, http2]";

async function certificateFiles(): Promise<Readonly<Record<string, string>>> {
  const { cert, key } = await (await testCertificates()).server();
  return { ...(await gatewayFiles()), "server.pem": cert, "server.key": key };
}

interface Place {
  readonly url: string;
}

async function tlsSocket({ url }: Place): Promise<TLSSocket> {
  const { ca } = await testCertificates();
  const port = Number(new URL(url).port);
  const socket = connectTls({ port, host: "127.0.0.1", ca, servername: "localhost", ALPNProtocols: ["http/1.1"] });
  await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  return socket;
}

async function http2Session({ url }: Place): Promise<ClientHttp2Session> {
  const { ca } = await testCertificates();
  return connectHttp2(url, { ca, servername: "localhost" }).on("error", () => {});
}

const openTls = async (place: Place): Promise<WebSocketPeer> =>
  openWebSocket(place, handshake("/chat/a"), { socket: await tlsSocket(place) });

type Ends = readonly [client: Pick<WebSocketPeer, "send" | "next" | "nextClose" | "close" | "over">, server: WebSocketPeer];

async function carriesBothWays([client, server]: Ends, sizes: readonly number[] = [1, 65_536, 1_048_576]): Promise<void> {
  for (const bytes of sizes) {
    const payload = randomBytes(bytes);
    const there = server.next();
    await client.send(OPCODES.binary, payload);
    expect((await there)?.payload.equals(payload)).toBe(true);
    const back = client.next();
    await server.send(OPCODES.binary, payload);
    expect((await back)?.payload.equals(payload)).toBe(true);
  }
}

describe.each(["node", "sallyport"] as const)("a WebSocket over TLS, listener with the codec %s", (codec) => {
  let upstream: WebSocketUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await startWebSocketUpstream();
    gateway = await startGateway({
      codec,
      files: await certificateFiles(),
      config: `version: 1
listeners: [{ name: public, address: "127.0.0.1:0", ${TLS_LISTENER} }]
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 1s
${configuration({ upstreams: { main: { endpoints: [upstream.url] } }, routes: [openRoute("chat")] })}`,
    });
  });

  afterAll(async () => {
    for (const part of [gateway, upstream]) await part?.[Symbol.asyncDispose]();
  });

  it("is carried exactly and closed as either end says", async () => {
    const opened = upstream.opened();
    using client = await openTls(gateway);
    expect(client.head).toMatch(/^HTTP\/1\.1 101 /);
    const server = await opened;
    expect(lineOf(server.head, "x-forwarded-proto")).toBe("https");
    await carriesBothWays([client, server]);
    await server.close(3001, "enough");
    server.socket.end();
    expect(await client.nextClose()).toEqual([3001, "enough"]);
    await client.over;
  });

  it("is told that its upstream is gone", async () => {
    const opened = upstream.opened();
    using client = await openTls(gateway);
    (await opened).socket.destroy();
    expect(await client.nextClose()).toEqual([1011, "the upstream is gone"]);
    await client.over;
  });

  it("tells its upstream when the client is gone", async () => {
    const opened = upstream.opened();
    const client = await openTls(gateway);
    const server = await opened;
    client.socket.destroy();
    await server.over;
    server.socket.end();
  });

  it("opens on a stream of HTTP/2 as well (RFC 8441)", async () => {
    const session = await http2Session(gateway);
    const opened = upstream.opened();
    using client = await openOnStream(session, "/chat/a", { ":scheme": "https" });
    expect(client.status).toBe(200);
    const server = await opened;
    expect(lineOf(server.head, "x-forwarded-proto")).toBe("https");
    await carriesBothWays([client.peer, server]);
    await client.peer.close(1000);
    expect(await server.nextClose()).toEqual([1000, ""]);
    server.socket.destroy();
    session.destroy();
  });
});

describe("a reload that changes a listener", () => {
  it("closes its WebSockets in words, those of others stay open, and one that still comes by it is closed at once", async () => {
    const parts = new AsyncDisposableStack();
    onTestFinished(() => parts.disposeAsync());
    const upstream = parts.use(await startWebSocketUpstream());
    const ports = { changed: await freePort(), kept: await freePort() };
    const config = (more: string): string => `version: 1
listeners:
  - { name: changed, address: "127.0.0.1:${ports.changed}"${more} }
  - { name: kept, address: "127.0.0.1:${ports.kept}" }
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 2s
${configuration({ upstreams: { main: { endpoints: [upstream.url] } }, routes: [openRoute("chat")] })}`;
    const gateway = parts.use(await startGateway({ config: config("") }));
    const open = async (listener: keyof typeof ports, socket?: Socket): Promise<Ends> => {
      const opened = upstream.opened();
      const place = { url: `http://127.0.0.1:${ports[listener]}` };
      const client = await openWebSocket(place, handshake("/chat/a"), socket === undefined ? {} : { socket });
      return [client, await opened];
    };
    const waiting = connect(ports.changed, "127.0.0.1");
    await once(waiting, "connect");
    const [first, kept] = [await open("changed"), await open("kept")];
    await writeFile(gateway.configFile, config(", limits: { idle: 33s }"));
    expect(await gateway.running.reload("admin")).toMatchObject({ kind: "swapped", warnings: [] });
    const late = await open("changed", waiting);
    for (const [client, server] of [first, late]) {
      expect(await client.nextClose()).toEqual([1001, "the gateway is closing"]);
      server.socket.end();
    }
    const next = await open("changed");
    await Promise.all([kept, next].map((ends) => carriesBothWays(ends)));
  });
});

describe("WebSockets of a gateway with workers (C36, C37)", () => {
  it("are served by both, closed by both when they are revoked, and told when the gateway ends", async () => {
    const parts = new AsyncDisposableStack();
    onTestFinished(() => parts.disposeAsync());
    const upstream = parts.use(await startWebSocketUpstream());
    const state = { denies: false };
    const gate = binding({
      phase: "pre-route",
      mode: "validate",
      needs: ["/request/path"],
      cacheable: true,
      review: () => (state.denies ? deny(403, "revoked", "No longer.") : allow().cacheFor(60_000, ["user-7"])),
    });
    const service = parts.use(await startInterceptor(defineInterceptor({ name: "gate", version: "1", bindings: { gate } })));
    const bindings = [{ id: "gate", phase: "pre-route", mode: "validate", match: { routes: ["chat"] }, cache: {} }];
    const gateway = parts.use(
      await withWorkers({
        files: await certificateFiles(),
        listener: `, ${TLS_LISTENER}`,
        sections: `drain: 2s\n${configuration({
          upstreams: { main: { endpoints: [upstream.url] } },
          routes: [openRoute("chat"), openRoute("free")],
          interceptors: [interceptorAt(service.port, { name: "gate", timeout: "2s", bindings })],
        })}`,
      }),
    );
    const open = async (path: string, over: "http1" | "http2"): Promise<Ends> => {
      const opened = upstream.opened();
      if (over === "http1") {
        const client = await openWebSocket(gateway, handshake(path), { socket: await tlsSocket(gateway) });
        expect(client.head).toMatch(/^HTTP\/1\.1 101 /);
        return [client, await opened];
      }
      const session = await http2Session(gateway);
      parts.defer(() => session.destroy());
      const client = await openOnStream(session, path, { ":scheme": "https" });
      expect(client.status).toBe(200);
      return [client.peer, await opened];
    };
    const chats: Ends[] = [];
    const free: Ends[] = [];
    for (let i = 0; i < 6; i += 1) {
      chats.push(await open("/chat/a", i % 2 === 0 ? "http1" : "http2"));
      free.push(await open("/free/a", i % 2 === 0 ? "http1" : "http2"));
    }
    await Promise.all([...chats, ...free].map((ends) => carriesBothWays(ends, [65_536])));
    state.denies = true;
    expect(
      (await gateway.admin("/admin/revoke", { method: "POST", body: '{"interceptor":"gate","tags":["user-7"]}' })).status,
    ).toBe(200);
    expect(await Promise.all(chats.map(([client]) => client.nextClose()))).toEqual(chats.map(() => [4403, "revoked"]));
    for (const [, server] of chats) server.socket.end();
    await Promise.all(free.map((ends) => carriesBothWays(ends, [1])));
    gateway.process.signal("SIGTERM");
    expect(await Promise.all(free.map(([client]) => client.nextClose()))).toEqual(
      free.map(() => [1001, "the gateway is closing"]),
    );
    for (const [, server] of free) server.socket.end();
    expect(await gateway.process.ended).toMatchObject({ code: 0 });
    const closed = gateway.process.lines().filter(({ event, status }) => event === "exchange" && status === 101);
    expect(closed).toHaveLength(12);
    expect(new Set(closed.map(({ worker }) => worker)).size).toBe(2);
  }, 60_000);
});
