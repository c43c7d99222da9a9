import type { IncomingMessage, ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { begin } from "../support/http-client.ts";
import { RawClient } from "../support/raw-http.ts";
import { startRawUpstream, type RawUpstream } from "../support/raw-upstream.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { startStreamingUpstream, type StreamingUpstream } from "../support/start-streaming-upstream.ts";
import { configuration, openRoute } from "./support/configuration.ts";
import { scripted, type Scripted } from "./support/scripted.ts";

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

describe("server-sent events through a reviewed route", () => {
  let raw: RawUpstream;
  let events: StreamingUpstream;
  let service: Scripted;
  let gateway: TestGateway;
  let onHead: (socket: RawUpstream["connections"][number]) => void = () => {};
  let onRequest: (request: IncomingMessage, response: ServerResponse) => void = () => {};

  beforeAll(async () => {
    raw = await startRawUpstream((socket) => onHead(socket));
    events = await startStreamingUpstream((request, response) => onRequest(request, response));
    service = await scripted([{ id: "gate", phase: "pre-route", mode: "validate", needs: ["/request/headers"] }]);
    gateway = await startGateway({
      files: await gatewayFiles(),
      config: configuration({
        upstreams: {
          raw: { endpoints: [raw.url] },
          events: { endpoints: [events.url] },
          nobody: { endpoints: ["http://127.0.0.1:1"] },
        },
        routes: ["raw", "events", "nobody"].map((name) => openRoute(name, { upstream: name, streaming: "sse" })),
        interceptors: [
          {
            name: "scripted",
            endpoint: `grpcs://127.0.0.1:${service.port}`,
            tls: "<mtls>",
            bindings: [{ id: "gate", phase: "pre-route", mode: "validate" }],
          },
        ],
      }),
    });
  });

  afterAll(async () => {
    for (const part of [gateway, service, raw, events]) await part?.[Symbol.asyncDispose]();
  });

  const ask = async (path: string, lines = ""): Promise<RawClient> => {
    const client = await RawClient.connect(Number(new URL(gateway.url).port));
    client.send(`GET ${path} HTTP/1.1\r\nHost: gateway.test\r\nAccept: text/event-stream\r\n${lines}\r\n`);
    return client;
  };

  it("that cannot be had are a problem document, and no stream was begun", async () => {
    using client = await ask("/nobody/a", "Connection: close\r\n");
    const answer = await client.toEnd();
    expect(answer).toMatch(/^HTTP\/1\.1 502 [^]*content-type: application\/problem\+json/i);
    expect(answer).not.toContain("event-stream");
  });

  it("the upstream refuses are its refusal", async () => {
    onHead = (socket) =>
      socket.write('HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"slow":1}');
    using client = await ask("/raw/a", "Connection: close\r\n");
    expect(await client.toEnd()).toMatch(/^HTTP\/1\.1 429 [^]*\{"slow":1\}$/);
  });

  it.each<readonly [string, (socket: RawUpstream["connections"][number]) => void]>([
    ["the connection breaks", (socket) => socket.resetAndDestroy()],
    ["the connection ends within the stream", (socket) => socket.end()],
    ["the framing breaks", (socket) => socket.write("zz\r\n")],
  ])(
    "end where %s: what came is passed on, no last chunk, no [DONE], no JSON, and the connection is cut",
    async (_what, breakOff) => {
      const begun = Promise.withResolvers<RawUpstream["connections"][number]>();
      onHead = (socket) => {
        socket.write(`${HEAD}${chunk("data: 1\n\n")}`);
        begun.resolve(socket);
      };
      using client = await ask("/raw/broken");
      await client.until((received) => received.includes("data: 1"));
      breakOff(await begun.promise);
      const body = (await client.toEnd()).split("\r\n\r\n").slice(1).join("\r\n\r\n");
      expect(body).toBe(chunk("data: 1\n\n"));
    },
  );

  it("are resumed by the upstream: Last-Event-ID reaches it as it was sent", async () => {
    const before = raw.received().length;
    onHead = (socket) => socket.write(`${HEAD}${chunk("id: 18\ndata: next\n\n")}0\r\n\r\n`);
    using client = await ask("/raw/resume", "Last-Event-ID: 17\r\nConnection: close\r\n");
    expect(await client.toEnd()).toContain("id: 18\ndata: next\n\n");
    expect(raw.received().slice(before)).toMatch(/\r\nLast-Event-ID: 17\r\n/);
  });

  it("pass byte for byte, whatever they are made of and however they are cut", async () => {
    const text =
      "\uFEFF: a comment\r\rid: 1\r\nevent: tick\r\ndata: häppchen\r\ndata\r\n\r\nretry: 10\n\n:\n\ndata: [DONE]\n\nno field\n";
    const bytes = Buffer.from(text);
    onRequest = (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7));
      response.end();
    };
    const { request, response } = begin(`${gateway.url}/events/bytes`);
    request.end();
    const pieces: Buffer[] = [];
    for await (const piece of (await response) as AsyncIterable<Buffer>) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });

  it("make the upstream wait for a reader that does not read, and lose nothing when it does", async () => {
    const piece = Buffer.from(`data: ${"x".repeat(65_528)}\n\n`);
    let written = 0;
    const total = 1024;
    onRequest = (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const more = (): void => {
        while (written < total) {
          written += 1;
          if (!response.write(piece)) return void response.once("drain", more);
        }
        response.end();
      };
      more();
    };
    const { request, response: answered } = begin(`${gateway.url}/events/much`);
    request.end();
    const response = await answered;
    let seen = -1;
    // it stands still: 64 MiB are under way, and only what the kernel and the gateway hold has left the upstream
    await expect.poll(() => [seen === written, (seen = written)][0], { interval: 100, timeout: 10_000 }).toBe(true);
    expect(written).toBeLessThan(total / 2);
    let received = 0;
    for await (const bytes of response as AsyncIterable<Buffer>) received += bytes.byteLength;
    expect(received).toBe(total * piece.byteLength);
  });

  it("are let go by the upstream within half a second of the client's leaving, in the middle of them", async () => {
    const closed = Promise.withResolvers<number>();
    onRequest = (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
      response.once("close", () => closed.resolve(performance.now()));
    };
    const client = await ask("/events/left");
    await client.until((received) => received.includes("data: 1"));
    const leftMs = performance.now();
    client.socket.destroy();
    expect((await closed.promise) - leftMs).toBeLessThan(500);
  });
});
