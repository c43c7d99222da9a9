import { readFile, writeFile } from "node:fs/promises";
import { allow, binding, defineInterceptor, deny, type Answer as AnswerOf } from "@sallyport/interceptors-sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { RawClient } from "../support/raw-http.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor, type TestInterceptor } from "../support/start-interceptor.ts";
import { allowing } from "../support/test-interceptor.ts";
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
import { readMetrics } from "./support/metrics.ts";
import { byBinding, denying, patching, scripted, type Scripted } from "./support/scripted.ts";

describe("a handshake that is reviewed (C26)", () => {
  let upstream: WebSocketUpstream;
  let service: Scripted;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await startWebSocketUpstream((head) =>
      lineOf(head, "upgrade") === undefined ? "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nordinary" : undefined,
    );
    service = await scripted([
      { id: "before", phase: "pre-auth", mode: "validate", needs: ["/request/protocol", "/request/method", "/request/headers"] },
      { id: "marks", phase: "pre-route", mode: "mutate", writes: ["/request/headers/x-marked"] },
      {
        id: "after",
        phase: "post-response",
        mode: "mutate",
        needs: ["/response/status", "/response/headers"],
        writes: ["/response/headers/x-after", "/response/status"],
      },
      { id: "reader", phase: "pre-route", mode: "validate", needs: ["/request/body"], body: "json" },
    ]);
    const match = { routes: ["chat"] };
    gateway = await startGateway({
      files: await gatewayFiles(),
      config: configuration({
        upstreams: { main: { endpoints: [upstream.url] } },
        routes: [openRoute("chat"), openRoute("read"), openRoute("declared", { streaming: "websocket" }), openRoute("free")],
        interceptors: [
          interceptorAt(service.port, {
            bindings: [
              { id: "before", phase: "pre-auth", mode: "validate", match },
              { id: "marks", phase: "pre-route", mode: "mutate", match },
              { id: "after", phase: "post-response", mode: "mutate", match },
              { id: "reader", phase: "pre-route", mode: "validate", match: { routes: ["read", "declared"] } },
            ],
          }),
        ],
      }),
    });
  });

  beforeEach(() => {
    service.answers = ({ reviewId }) => allowing(reviewId);
  });

  afterAll(async () => {
    for (const part of [gateway, service, upstream]) await part?.[Symbol.asyncDispose]();
  });

  const ask = async (path: string): Promise<string> => {
    using client = await RawClient.connect(Number(new URL(gateway.url).port));
    client.send(handshake(path));
    return await client.toEnd();
  };

  it("is shown as a GET of protocol websocket, patched like any request, and its 101 is seen by who comes after", async () => {
    service.answers = byBinding({
      marks: ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/request/headers/x-marked", value: "yes" }]),
      after: ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/response/headers/x-after", value: "seen" }]),
    });
    const asked = service.reviews.length;
    const opened = upstream.opened();
    using client = await openWebSocket(gateway, handshake("/chat/a", { "X-Marked": "forged" }));
    expect(client.head).toMatch(/^HTTP\/1\.1 101 [^]*\r\nx-after: seen\r\n/i);
    const server = await opened;
    expect(lineOf(server.head, "x-marked")).toBe("yes");
    const reviews = service.reviews.slice(asked);
    expect(reviews.map(({ bindingId }) => bindingId)).toEqual(["before", "marks", "after"]);
    expect(reviews[0]?.view?.request).toMatchObject({ protocol: "websocket", method: "GET" });
    expect(reviews[0]?.view?.request?.headers.map(({ name }) => name)).toContain("sec-websocket-key");
    expect(reviews[2]?.view?.response).toMatchObject({ status: 101 });
    await client.text("through");
    expect(await server.nextText()).toBe("through");
  });

  it("is denied with HTTP, and no upstream hears of it", async () => {
    service.answers = byBinding({ before: ({ reviewId }) => denying(reviewId) });
    const asked = upstream.heads.length;
    expect(await ask("/chat/denied")).toMatch(/^HTTP\/1\.1 403 [^]*application\/problem\+json/);
    expect(upstream.heads.length).toBe(asked);
  });

  it("is denied with HTTP also once the upstream has answered 101: nothing the client sent passes, and the upstream is let go (C26)", async () => {
    service.answers = byBinding({ after: ({ reviewId }) => denying(reviewId) });
    const opened = upstream.opened();
    using client = await openWebSocket(gateway, handshake("/chat/late"), { behind: Buffer.from([0x81, 0x80, 0, 0, 0, 0]) });
    expect(client.head).toMatch(/^HTTP\/1\.1 403 /);
    expect(lineOf(client.head, "sec-websocket-accept")).toBeUndefined();
    const server = await opened;
    await server.over;
    expect(server.frames).toEqual([]);
    expect(await gateway.lineWhere(({ event, path }) => event === "exchange" && path === "/chat/late")).toMatchObject({
      outcome: "denied",
      status: 403,
    });
  });

  it.each([200, 204])("cannot be made a response of status %i by a patch: fail-closed, 502", async (status) => {
    service.answers = byBinding({
      after: ({ reviewId }) => patching(reviewId, [{ op: "replace", path: "/response/status", value: status }]),
    });
    expect(await ask("/chat/status")).toMatch(/^HTTP\/1\.1 502 [^]*"code":"interceptor_invalid_verdict"/);
  });

  it("is not let through where somebody reviews bodies and nothing is said of WebSockets: it is an ordinary request there (C18)", async () => {
    expect(await ask("/read/a")).toMatch(/^HTTP\/1\.1 200 [^]*ordinary$/);
  });

  it("is let through there where the route says so", async () => {
    using client = await openWebSocket(gateway, handshake("/declared/a"));
    expect(client.head).toMatch(/^HTTP\/1\.1 101 /);
  });

  it("opens what Node's own client takes for a WebSocket, text, bytes and the end", async () => {
    const opened = upstream.opened();
    const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/free/node`);
    socket.binaryType = "arraybuffer";
    const received: unknown[] = [];
    const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve));
    socket.addEventListener("message", ({ data }) =>
      received.push(typeof data === "string" ? data : Buffer.from(data as ArrayBuffer)),
    );
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    const server = await opened;
    socket.send("häppchen");
    expect(await server.nextText()).toBe("häppchen");
    await server.text("back");
    await server.send(OPCODES.ping, "?");
    await server.send(OPCODES.binary, Buffer.from([0, 1, 2, 255]));
    expect(await server.next()).toMatchObject({ opcode: OPCODES.pong, payload: Buffer.from("?") });
    await expect.poll(() => received).toEqual(["back", Buffer.from([0, 1, 2, 255])]);
    socket.close(4001, "bye");
    expect(await server.nextClose()).toEqual([4001, "bye"]);
    await server.close(4001, "bye");
    server.socket.end();
    expect(await closed).toMatchObject({ code: 4001, reason: "bye", wasClean: true });
  });
});

type Answer = AnswerOf<"pre-route", "validate", []>;

interface Place {
  readonly gateway: TestGateway;
  readonly service: TestInterceptor;
  readonly asked: readonly string[];
  answer: () => Answer;
  open(): Promise<{ readonly client: WebSocketPeer; readonly server: WebSocketPeer }>;
}

/** A gateway whose WebSockets a service of the SDK lets through for a time. */
async function start(options: { readonly answer?: () => Answer; readonly operator?: object } = {}): Promise<Place> {
  const parts = new AsyncDisposableStack();
  onTestFinished(() => parts.disposeAsync());
  const upstream = parts.use(await startWebSocketUpstream());
  const asked: string[] = [];
  let answer = options.answer ?? (() => allow().validFor(1_000));
  const gate = binding({
    phase: "pre-route",
    mode: "validate",
    needs: ["/request/path", "/request/protocol"],
    cacheable: true,
    review: (view, { reviewId }) => {
      asked.push(`${reviewId} ${view.request.protocol}`);
      return answer();
    },
  });
  const service = parts.use(await startInterceptor(defineInterceptor({ name: "gate", version: "1", bindings: { gate } })));
  const gateway = parts.use(
    await startGateway({
      files: await gatewayFiles(),
      config: configuration({
        upstreams: { main: { endpoints: [upstream.url] } },
        routes: [openRoute("events")],
        interceptors: [
          interceptorAt(service.port, {
            name: "gate",
            timeout: "500ms",
            bindings: [{ id: "gate", phase: "pre-route", mode: "validate", ...options.operator }],
          }),
        ],
      }),
    }),
  );
  return {
    gateway,
    service,
    asked,
    get answer() {
      return answer;
    },
    set answer(next) {
      answer = next;
    },
    open: async () => {
      const opened = upstream.opened();
      const client = await openWebSocket(gateway, handshake("/events/all"));
      return { client, server: await opened };
    },
  };
}

const lineFor = ({ gateway }: Place, client: WebSocketPeer) =>
  gateway.lineWhere(({ event, request_id }) => event === "exchange" && request_id === lineOf(client.head, "x-request-id"));

async function edit({ gateway }: Place, from: string, to: string): Promise<void> {
  const text = await readFile(gateway.configFile, "utf8");
  expect(text).toContain(from);
  await writeFile(gateway.configFile, text.replace(from, to));
  expect((await gateway.running.reload("admin")).kind).toBe("swapped");
}

describe("an open WebSocket that was let through for a time (C36)", () => {
  it("goes on while it is allowed again, and is closed with 4403 once it is denied", async () => {
    const place = await start();
    const { client, server } = await place.open();
    const metric = async (name: string, labels = {}): Promise<number> => (await readMetrics(place.gateway))(name, labels);
    expect(await metric("sallyport_long_lived_open")).toBe(1);
    await expect.poll(() => place.asked.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(2);
    await client.text("still here");
    expect(await server.nextText()).toBe("still here");
    const [first = ""] = place.asked;
    expect(place.asked[1]).toBe(first.replace(" ", ":r1 "));
    expect(first).toMatch(/ websocket$/);
    place.answer = () => deny(403, "suspended", "This account is suspended.");
    expect(await client.nextClose()).toEqual([4403, "suspended"]);
    expect((await server.nextClose())?.[0]).toBe(1001);
    await Promise.all([client.over, server.over]);
    client.socket.end();
    expect(await lineFor(place, client)).toMatchObject({
      level: "info",
      outcome: "closed",
      decided_by: "gate/gate",
      code: "suspended",
      status: 101,
      websocket_closed_by: "gateway",
      websocket_close_code: 4403,
    });
    await expect.poll(() => metric("sallyport_long_lived_open")).toBe(0);
    expect(await metric("sallyport_long_lived_closed_total", { reason: "denied" })).toBe(1);
    expect(await metric("sallyport_websockets_closed_total", { end: "denied" })).toBe(1);
    await expect.poll(() => metric("sallyport_in_flight_exchanges")).toBe(0);
  });

  it("is closed when its service revokes what it said, whatever the client does", async () => {
    const place = await start({ answer: () => allow().cacheFor(60_000, ["user-7"]), operator: { cache: {} } });
    const { client } = await place.open();
    client.socket.pause();
    place.answer = () => deny(403, "revoked", "No longer.");
    const revoked = await fetch(`${place.gateway.adminUrl}/admin/revoke`, {
      method: "POST",
      headers: { authorization: `Bearer ${place.gateway.adminToken}`, "content-type": "application/json" },
      body: JSON.stringify({ interceptor: "gate", tags: ["user-7"] }),
    });
    expect(revoked.status).toBe(200);
    // a client that neither reads nor answers is cut a moment later
    expect(await lineFor(place, client)).toMatchObject({ outcome: "closed", code: "revoked" });
    client.socket.resume();
    expect(await client.nextClose()).toEqual([4403, "revoked"]);
  });

  it("is closed when its route is gone, and keeps no old configuration alive meanwhile", async () => {
    const place = await start();
    const { client, server } = await place.open();
    await edit(place, "/events/**", "/elsewhere/**");
    expect(await client.nextClose()).toEqual([4403, "route_not_found"]);
    await server.over;
  });

  it("stays open over a reload, which waits for nobody", async () => {
    const place = await start({ answer: () => allow() });
    const { client, server } = await place.open();
    await edit(place, "500ms", "400ms");
    await client.text("on");
    expect(await server.nextText()).toBe("on");
    await server.text("and on");
    expect(await client.nextText()).toBe("and on");
    client.socket.destroy();
  });

  it("is told 1001 when the gateway ends, and the gateway ends soon", async () => {
    const place = await start({ answer: () => allow() });
    const { client, server } = await place.open();
    const begunMs = performance.now();
    const ended = place.gateway.running[Symbol.asyncDispose]();
    expect(await client.nextClose()).toEqual([1001, "the gateway is closing"]);
    expect(await server.nextClose()).toEqual([1001, "the gateway is closing"]);
    client.socket.end();
    await ended;
    expect(performance.now() - begunMs).toBeLessThan(5_000);
    expect(await lineFor(place, client)).toMatchObject({
      outcome: "forwarded",
      websocket_closed_by: "gateway",
      websocket_close_code: 1001,
    });
  });
});
