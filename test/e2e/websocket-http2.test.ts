import { randomBytes } from "node:crypto";
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { H2C_PREAMBLE, startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { allowing, verdict } from "../support/test-interceptor.ts";
import { openOnStream, type OpenedStream } from "../support/websocket-http2.ts";
import {
  handshake,
  lineOf,
  openWebSocket,
  OPCODES,
  roomIn,
  startWebSocketUpstream,
  switching,
  type AnswerHead,
  type WebSocketPeer,
  type WebSocketUpstream,
} from "../support/websocket-peer.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { byBinding, denying, patching, scripted, type Scripted } from "./support/scripted.ts";

const ORDINARY = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nordinary";

describe("a WebSocket on a stream of HTTP/2 (RFC 8441, C26)", () => {
  let upstream: WebSocketUpstream;
  let service: Scripted;
  let gateway: TestGateway;
  let session: ClientHttp2Session;
  let answer: AnswerHead = () => undefined;

  beforeAll(async () => {
    upstream = await startWebSocketUpstream((head, socket) => answer(head, socket));
    service = await scripted([
      { id: "before", phase: "pre-auth", mode: "validate", needs: ["/request/protocol", "/request/method", "/request/headers"] },
      { id: "marks", phase: "pre-route", mode: "mutate", writes: ["/request/headers/x-marked"] },
      { id: "after", phase: "post-response", mode: "mutate", needs: ["/response/status"], writes: ["/response/headers/x-after"] },
      { id: "reader", phase: "pre-route", mode: "validate", needs: ["/request/body"], body: "json" },
    ]);
    const match = { routes: ["chat"] };
    gateway = await startGateway({
      files: await gatewayFiles(),
      config:
        H2C_PREAMBLE +
        configuration({
          upstreams: {
            main: { endpoints: [upstream.url] },
            http2: { protocol: "http2", endpoints: [upstream.url] },
            grpc: { protocol: "grpc", endpoints: [upstream.url] },
          },
          routes: [
            ...[openRoute("over-http2", { upstream: "http2" }), openRoute("over-grpc", { upstream: "grpc" })],
            ...[openRoute("chat"), openRoute("read"), openRoute("free"), openRoute("none", { streaming: "none" })],
            openRoute("quiet", { websocket: { idle: "200ms" } }),
          ],
          interceptors: [
            interceptorAt(service.port, {
              bindings: [
                { id: "before", phase: "pre-auth", mode: "validate", match },
                { id: "marks", phase: "pre-route", mode: "mutate", match, may: ["respond"] },
                { id: "after", phase: "post-response", mode: "mutate", match },
                { id: "reader", phase: "pre-route", mode: "validate", match: { routes: ["read"] } },
              ],
            }),
          ],
        }),
    });
    session = connect(gateway.url);
  });

  beforeEach(() => {
    answer = () => undefined;
    service.answers = ({ reviewId }) => allowing(reviewId);
  });

  afterAll(async () => {
    session?.destroy();
    for (const part of [gateway, service, upstream]) await part?.[Symbol.asyncDispose]();
  });

  const open = async (path = "/free/a", fields = {}): Promise<{ stream: OpenedStream; server: WebSocketPeer }> => {
    const opened = upstream.opened();
    const stream = await openOnStream(session, path, fields);
    expect(stream.status).toBe(200);
    return { stream, server: await opened };
  };

  const lineFor = ({ headers }: OpenedStream) =>
    gateway.lineWhere(({ event, request_id }) => event === "exchange" && request_id === headers["x-request-id"]);

  it("is reviewed as a GET and opened over HTTP/1.1, with a key of the gateway's own", async () => {
    service.answers = byBinding({
      marks: ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/request/headers/x-marked", value: "yes" }]),
      after: ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/response/headers/x-after", value: "seen" }]),
    });
    answer = (head) => switching(head, "Sec-WebSocket-Protocol: b\r\n");
    const asked = service.reviews.length;
    const { stream, server } = await open("/chat/a?q=1", { "sec-websocket-protocol": "a, b", "x-marked": "forged" });
    using client = stream;
    expect(client.headers).toMatchObject({ ":status": 200, "sec-websocket-protocol": "b", "x-after": "seen" });
    for (const name of ["sec-websocket-accept", "upgrade", "connection", "content-length"])
      expect(client.headers[name]).toBeUndefined();
    expect(server.head).toMatch(/^GET \/chat\/a\?q=1 HTTP\/1\.1\r\n/);
    const lines = ["x-marked", "upgrade", "connection", "sec-websocket-version", "sec-websocket-protocol", "host"];
    expect(lines.map((name) => lineOf(server.head, name))).toEqual(["yes", "websocket", "upgrade", "13", "a, b", "gateway.test"]);
    expect(Buffer.from(lineOf(server.head, "sec-websocket-key") ?? "", "base64")).toHaveLength(16);
    const [first, , last] = service.reviews.slice(asked);
    expect(first?.view?.request).toMatchObject({ protocol: "websocket", method: "GET" });
    expect(last?.view?.response).toMatchObject({ status: 101 });
    await client.peer.text("through");
    expect(await server.nextText()).toBe("through");
    await server.close(1000);
    server.socket.end();
    await client.peer.over;
    client.peer.socket.end();
    expect(await lineFor(client)).toMatchObject({
      status: 101,
      method: "GET",
      websocket_closed_by: "upstream",
      outcome: "forwarded",
    });
  });

  it("carries bytes exactly, both ways, beside other requests of its connection", async () => {
    const { stream, server } = await open();
    using client = stream;
    const payloads = [1, 125, 126, 65_535, 65_536, 1_048_576].map((bytes) => randomBytes(bytes));
    const others = Promise.all(
      Array.from({ length: 5 }, () => refusedBy("/none/x", { ":protocol": undefined, ":method": "GET" })),
    );
    for (const payload of payloads) {
      await client.peer.send(OPCODES.binary, payload);
      expect((await server.next())?.payload.equals(payload)).toBe(true);
      await server.send(OPCODES.binary, payload);
      expect((await client.peer.next())?.payload.equals(payload)).toBe(true);
    }
    expect((await others).map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 200));
    await client.peer.send(OPCODES.ping, "?");
    expect(await server.next()).toMatchObject({ opcode: OPCODES.ping, payload: Buffer.from("?") });
    await client.peer.close(4321, "bye");
    expect(await server.nextClose()).toEqual([4321, "bye"]);
    client.peer.socket.end();
    await server.close(4321, "bye");
    server.socket.end();
    expect(await client.peer.nextClose()).toEqual([4321, "bye"]);
    expect(await lineFor(client)).toMatchObject({ websocket_closed_by: "client", websocket_close_code: 4321 });
  });

  it("goes on in one direction when the other has ended", async () => {
    const { stream, server } = await open();
    using client = stream;
    client.peer.socket.end();
    await server.over;
    await server.text("still talking");
    expect(await client.peer.nextText()).toBe("still talking");
    server.socket.end();
    expect(await client.peer.nextClose()).toEqual([1011, "the upstream is gone"]);
    await client.peer.over;
  });

  it.each([
    ["the client resets its stream", (client: OpenedStream) => client.peer.socket.close(constants.NGHTTP2_CANCEL), "client"],
    ["the upstream breaks off", (_: OpenedStream, server: WebSocketPeer) => server.socket.resetAndDestroy(), "upstream"],
  ])("ends on both sides when %s", async (_how, breakOff, by) => {
    const { stream, server } = await open();
    using client = stream;
    breakOff(client, server);
    await Promise.all([server.over, client.peer.over]);
    server.socket.end();
    client.peer.socket.end();
    expect(await lineFor(client)).toMatchObject({ status: 101, websocket_closed_by: by, websocket_close_code: 1006 });
  });

  it("makes whoever sends wait while the other end reads nothing", async () => {
    const { stream, server } = await open();
    using client = stream;
    client.peer.socket.pause();
    const sent = await sendUntilWaiting(server);
    expect(sent).toBeLessThan(32 * 1024 * 1024);
    client.peer.socket.resume();
    await roomIn(server.socket);
    server.socket.pause();
    expect(await sendUntilWaiting(client.peer)).toBeLessThan(32 * 1024 * 1024);
    server.socket.resume();
    await roomIn(client.peer.socket);
  });

  it("is closed when nothing is said on it for too long, or a frame is none", async () => {
    const { stream: quiet, server } = await open("/quiet/a");
    expect(await quiet.peer.nextClose()).toEqual([1001, "nothing was sent for too long"]);
    await Promise.all([quiet.peer.over, server.over]);
    const { stream: wrong } = await open();
    await wrong.peer.send(3);
    expect((await wrong.peer.nextClose())?.[0]).toBe(1002);
    await wrong.peer.over;
  });

  interface Refused {
    readonly status: number;
    readonly text: string;
    readonly heads: number;
  }

  /** What a handshake that opens nothing is told, and how many requests the upstream heard. */
  async function refusedBy(path: string, fields = {}): Promise<Refused> {
    const before = upstream.heads.length;
    const isRequest = ":method" in fields && fields[":method"] === "GET";
    if (isRequest) answer = () => ORDINARY;
    const refused = await openOnStream(session, path, fields, { endStream: isRequest });
    const { status } = refused;
    const text = status === 200 ? "" : await refused.text();
    return { status, text, heads: upstream.heads.length - before };
  }

  it.each([
    ["a route that takes none", "/none/x", {}, 501, "upgrade_unsupported"],
    ["a route whose bodies are reviewed", "/read/x", {}, 501, "upgrade_unsupported"],
    ["an upstream that speaks HTTP/2", "/over-http2/x", {}, 501, "upgrade_unsupported"],
    ["an upstream of gRPC", "/over-grpc/x", {}, 501, "upgrade_unsupported"],
    ["another protocol", "/free/x", { ":protocol": "connect-udp" }, 501, "upgrade_unsupported"],
    ["no route", "/nowhere", {}, 404, "route_not_found"],
    ["a handshake of another version", "/free/x", { "sec-websocket-version": "8" }, 400, "bad_request"],
    [
      "one with a key, which HTTP/2 does not use",
      "/free/x",
      { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" },
      400,
      "bad_request",
    ],
    ["one with a body", "/free/x", { "content-length": "5" }, 400, "bad_request"],
    [
      "CONNECT without a protocol",
      "/free/x",
      { ":protocol": undefined, ":path": undefined, ":scheme": undefined },
      405,
      "method_not_allowed",
    ],
  ])("is refused to %s, and no upstream hears of it", async (_what, path, fields, status, code) => {
    const refused = await refusedBy(path, fields);
    expect(refused).toMatchObject({ status, heads: 0 });
    expect(JSON.parse(refused.text)).toMatchObject({ code });
  });

  it.each(["/over-http2/x", "/over-grpc/x"])("is refused over HTTP/1.1 where its upstream speaks HTTP/2: %s", async (path) => {
    const connections = upstream.connections.size;
    using client = await openWebSocket(gateway, handshake(path));
    expect(client.head).toMatch(/^HTTP\/1\.1 501 /);
    expect(upstream.connections.size).toBe(connections);
  });

  it("is denied with HTTP, before its upstream is asked and behind its answer (C26)", async () => {
    service.answers = byBinding({ before: ({ reviewId }) => denying(reviewId) });
    expect(await refusedBy("/chat/x")).toMatchObject({ status: 403, heads: 0 });
    service.answers = byBinding({ after: ({ reviewId }) => denying(reviewId) });
    const opened = upstream.opened();
    expect(await refusedBy("/chat/x")).toMatchObject({ status: 403, heads: 1 });
    await (
      await opened
    ).over;
  });

  it("is opened by nothing but a 101: an ordinary answer of its upstream or of a service is no 200 (RFC 8441 section 5)", async () => {
    answer = () => ORDINARY;
    const told = await refusedBy("/chat/x");
    expect(told).toMatchObject({ status: 501, text: expect.stringContaining("upgrade_unsupported") });
    expect(told.text).not.toContain("ordinary");
    service.answers = byBinding({
      marks: ({ reviewId }) =>
        verdict(
          { kind: "respond", status: 200, headers: [], body: Buffer.from("instead"), annotations: [], warnings: [] },
          reviewId,
        ),
    });
    expect(await refusedBy("/chat/x")).toMatchObject({ status: 501, text: expect.not.stringContaining("instead") });
    answer = () => "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone";
    expect(await refusedBy("/free/x")).toMatchObject({ status: 404, text: "none" });
    answer = (head) => switching(head).replace(/Accept: ./, "Accept: !");
    expect(await refusedBy("/free/x")).toMatchObject({ status: 502 });
  });

  it("costs its connection nothing when it is closed properly: more than may be reset are opened one after the other", async () => {
    const own = connect(gateway.url);
    const one = async (): Promise<void> => {
      const opened = upstream.opened();
      const stream = await openOnStream(own, "/free/a");
      expect(stream.status).toBe(200);
      await stream.peer.close(1000);
      // whichever of those that open at once it belongs to
      const server = await opened;
      await server.nextClose();
      await server.close(1000);
      server.socket.end();
      await stream.peer.over;
      stream.peer.socket.close(constants.NGHTTP2_CANCEL);
    };
    for (let i = 0; i < 21; i += 1) await Promise.all(Array.from({ length: 10 }, one));
    expect(own.closed || own.destroyed).toBe(false);
    own.destroy();
  });

  it("is told 1001 when the gateway ends", async () => {
    await using place = await startGateway({
      config: H2C_PREAMBLE + configuration({ upstreams: { main: { endpoints: [upstream.url] } }, routes: [openRoute("free")] }),
    });
    const own = connect(place.url);
    own.on("error", () => {});
    const stream = await openOnStream(own, "/free/a");
    expect(stream.status).toBe(200);
    const ended = place.running[Symbol.asyncDispose]();
    expect(await stream.peer.nextClose()).toEqual([1001, "the gateway is closing"]);
    stream.peer.socket.end();
    await ended;
  });
});

/** Sends until nothing is taken any more for a moment; how many bytes that took. */
async function sendUntilWaiting(peer: WebSocketPeer<ClientHttp2Stream> | WebSocketPeer): Promise<number> {
  const payload = Buffer.alloc(256 * 1024);
  let bytes = 0;
  for (;;) {
    const taken = peer.send(OPCODES.binary, payload).then(() => true);
    bytes += payload.byteLength;
    const waits = new Promise<false>((resolve) => setTimeout(resolve, 300, false));
    if (!(await Promise.race([taken, waits]))) return bytes;
  }
}
