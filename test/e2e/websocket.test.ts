import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RawClient } from "../support/raw-http.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import {
  handshake,
  lineOf,
  openWebSocket,
  OPCODES,
  startWebSocketUpstream,
  switching,
  type AnswerHead,
  type WebSocketPeer,
  type WebSocketUpstream,
} from "../support/websocket-peer.ts";
import { configuration, openRoute } from "./support/configuration.ts";

const COMBINATIONS = [
  { codec: "node", upstreamClient: "undici" },
  { codec: "sallyport", upstreamClient: "sallyport" },
  { codec: "node", upstreamClient: "sallyport" },
  { codec: "sallyport", upstreamClient: "undici" },
] as const;

describe.each(COMBINATIONS)("a WebSocket through a $codec listener and the $upstreamClient client (C26)", (combination) => {
  let upstream: WebSocketUpstream;
  let gateway: TestGateway;
  let answer: AnswerHead = () => undefined;

  beforeAll(async () => {
    upstream = await startWebSocketUpstream((head, socket) => answer(head, socket));
    gateway = await startGateway({
      ...combination,
      files: await gatewayFiles(),
      config: configuration({
        upstreams: { main: { endpoints: [upstream.url] } },
        routes: [openRoute("auto"), openRoute("small", { streaming: "websocket", websocket: { max_message_bytes: "1KiB", idle: "300ms" } }), openRoute("none", { streaming: "none" })],
      }),
    });
  });

  afterAll(async () => {
    for (const part of [gateway, upstream]) await part?.[Symbol.asyncDispose]();
  });

  /** Both ends of a new one. */
  async function open(path = "/auto", lines: Readonly<Record<string, string | undefined>> = {}): Promise<{ client: WebSocketPeer; server: WebSocketPeer }> {
    answer = () => undefined;
    const opened = upstream.opened();
    const client = await openWebSocket(gateway, handshake(path, lines));
    expect(client.head).toMatch(/^HTTP\/1\.1 101 /);
    return { client, server: await opened };
  }

  const lineFor = (client: WebSocketPeer) =>
    gateway.lineWhere(({ event, request_id }) => event === "exchange" && request_id === lineOf(client.head, "x-request-id"));

  it("is opened with canonical lines both ways, and carries frames both ways until it is closed", async () => {
    const { client, server } = await open("/auto/chat?x=1", { "Sec-WebSocket-Protocol": undefined, Connection: "keep-alive, Upgrade" });
    expect(server.head).toMatch(/^GET \/auto\/chat\?x=1 HTTP\/1\.1\r\n/);
    expect(lineOf(server.head, "upgrade")).toBe("websocket");
    expect(lineOf(server.head, "connection")?.toLowerCase()).toBe("upgrade");
    expect(lineOf(client.head, "upgrade")).toBe("websocket");
    await client.text("hello");
    expect(await server.nextText()).toBe("hello");
    await server.send(OPCODES.binary, Buffer.from([0, 255, 1]));
    expect(await client.next()).toMatchObject({ opcode: 2, payload: Buffer.from([0, 255, 1]) });
    await client.close(1000, "done");
    expect(await server.nextClose()).toEqual([1000, "done"]);
    await server.close(1000);
    server.socket.end();
    expect(await client.nextClose()).toEqual([1000, ""]);
    await client.over;
    client.socket.end();
    expect(await lineFor(client)).toMatchObject({
      status: 101,
      outcome: "forwarded",
      complete: true,
      websocket_closed_by: "client",
      websocket_close_code: 1000,
      request_bytes: 11 + 12,
      response_bytes: 5 + 4,
    });
  });

  it("loses no byte behind the handshake, of either side, and lets none pass before the 101", async () => {
    let waiting: (() => void) | undefined;
    const held = Promise.withResolvers<void>();
    let before = "";
    answer = (head, socket) => {
      socket.on("data", (bytes) => (before += bytes.toString("latin1")));
      waiting = () => socket.write(Buffer.concat([Buffer.from(switching(head)), Buffer.from([0x81, 2, 104, 105])]));
      held.resolve();
      // nothing yet: a head that is no 101 is not followed
      return "HTTP/1.1 100 Continue\r\n\r\n";
    };
    const early = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x6f, 0x6b]);
    const opening = openWebSocket(gateway, handshake("/auto/early"), { behind: early });
    await held.promise;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(before).toBe("");
    waiting?.();
    using client = await opening;
    expect(client.head).toMatch(/^HTTP\/1\.1 101 /);
    expect(await client.nextText()).toBe("hi");
    await expect.poll(() => before).toContain("ok");
  });
});
