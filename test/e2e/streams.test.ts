import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { RawClient } from "../support/raw-http.ts";
import { startRawUpstream, type RawUpstream } from "../support/raw-upstream.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { byBinding, denying, patching, scripted, type Scripted } from "./support/scripted.ts";

const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

describe("bindings that need only heads", () => {
  let upstream: RawUpstream;
  let service: Scripted;
  let gateway: TestGateway;
  let onHead: (socket: RawUpstream["connections"][number]) => void = () => {};

  beforeAll(async () => {
    upstream = await startRawUpstream((socket) => onHead(socket));
    service = await scripted([
      { id: "before", phase: "pre-route", mode: "mutate", needs: ["/request/headers"], writes: ["/request/headers/x-before"] },
      {
        id: "after",
        phase: "post-response",
        mode: "mutate",
        needs: ["/response/status", "/response/headers"],
        writes: ["/response/headers/x-after"],
      },
      { id: "reader", phase: "post-response", mode: "validate", needs: ["/response/body"] },
      { id: "watch", phase: "pre-route", mode: "observe", needs: ["/request/path", "/outcome"] },
    ]);
    service.answers = byBinding({
      before: ({ reviewId, view }) =>
        view?.request?.headers.some(({ name }) => name === "x-deny") === true
          ? denying(reviewId)
          : patching(reviewId, [{ op: "add", path: "/request/headers/x-before", value: "seen" }]),
      after: ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/response/headers/x-after", value: "seen" }]),
    });
    const bindings = [
      { id: "before", phase: "pre-route", mode: "mutate", match: { routes: ["stream"] } },
      { id: "after", phase: "post-response", mode: "mutate", match: { routes: ["stream"] } },
      { id: "reader", phase: "post-response", mode: "validate", match: { routes: ["read"] }, failure_policy: "fail-open" },
      { id: "watch", phase: "pre-route", mode: "observe" },
    ];
    gateway = await startGateway({
      files: await gatewayFiles(),
      config: configuration({
        upstreams: { main: { endpoints: [upstream.url] } },
        routes: [openRoute("stream"), openRoute("read")],
        interceptors: [interceptorAt(service.port, { bindings })],
      }),
    });
  });

  afterAll(async () => {
    for (const part of [gateway, service, upstream]) await part?.[Symbol.asyncDispose]();
  });

  const connect = () => RawClient.connect(Number(new URL(gateway.url).port));

  it("let a stream of events pass one by one: the second is sent only once the client has the first (C18)", async () => {
    const sending = Promise.withResolvers<RawUpstream["connections"][number]>();
    onHead = (socket) => {
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("data: first\n\n")}`,
      );
      sending.resolve(socket);
    };
    using client = await connect();
    client.send("GET /stream/events HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n");
    const first = await client.until((received) => received.includes("data: first"));
    expect(first).toMatch(/\r\nx-after: seen\r\n/i);
    (await sending.promise).write(`${chunk("data: second\n\n")}0\r\n\r\n`);
    expect(await client.toEnd()).toContain("data: second");
  });

  it("let an upload pass as it comes: the upstream has its beginning while the client still holds the rest (C24)", async () => {
    onHead = () => {};
    using client = await connect();
    client.send(
      `POST /stream/upload HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("beginning-of-upload")}`,
    );
    await vi.waitFor(() => expect(upstream.received()).toContain("beginning-of-upload"), { timeout: 5_000 });
    expect(upstream.received()).toMatch(/\r\nx-before: seen\r\n/i);
    const socket = upstream.connections.at(-1);
    client.send(`${chunk("end-of-upload")}0\r\n\r\n`);
    await vi.waitFor(() => expect(upstream.received()).toContain("end-of-upload"), { timeout: 5_000 });
    socket?.write("HTTP/1.1 204 No Content\r\n\r\n");
    expect(await client.toEnd()).toMatch(/^HTTP\/1\.1 204 /);
  });

  it("come before the client is told to send its body: a denied one never sends it (C24)", async () => {
    onHead = (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    const head =
      "POST /stream/expect HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 4\r\n";
    using denied = await connect();
    denied.send(`${head}X-Deny: yes\r\n\r\n`);
    await denied.toEnd();
    expect(denied.statuses).toEqual([403]);
    using allowed = await connect();
    allowed.send(`${head}\r\n`);
    await allowed.until((received) => received.includes("100 Continue"));
    allowed.send("body");
    await allowed.toEnd();
    expect(allowed.statuses).toEqual([100, 200]);
  });

  it("see it while one that reads bodies cannot: an endless stream is 502 there, fail-open or not, and the upstream is let go (C18)", async () => {
    const closed = Promise.withResolvers<void>();
    onHead = (socket) => {
      socket.once("close", () => closed.resolve());
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("data: canary\n\n")}`,
      );
    };
    using client = await connect();
    client.send("GET /read/events HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n");
    const answer = await client.toEnd();
    expect(answer).toMatch(/^HTTP\/1\.1 502 [^]*"code":"response_unreviewable","retryable":false/);
    expect(answer).not.toContain("canary");
    await closed.promise;
  });

  it("do not keep an upstream at work for a client that has left: the call is cancelled, nobody behind is asked, observers hear 499 (C7)", async () => {
    const reached = Promise.withResolvers<RawUpstream["connections"][number]>();
    onHead = (socket) => reached.resolve(socket);
    const client = await connect();
    client.send("GET /stream/left HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
    const socket = await reached.promise;
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const asked = service.reviews.length;
    client.socket.destroy();
    await closed;
    const line = await gateway.lineWhere(({ event, path }) => event === "exchange" && path === "/stream/left");
    expect(line).toMatchObject({ status: 499, outcome: "cancelled", decided_by: "client" });
    await expect
      .poll(() => service.reviews.slice(asked).map(({ bindingId }) => bindingId), { timeout: 5_000 })
      .toEqual(["watch"]);
    expect(service.reviews.at(-1)?.view?.outcome).toMatchObject({ status: 499, decidedBy: "client" });
  });
});
