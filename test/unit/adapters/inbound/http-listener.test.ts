import { request as httpRequest, Agent } from "node:http";
import { describe, expect, it } from "vitest";
import { BodyFailure } from "../../../../src/model/body-failure.ts";
import { isStream, type Flow } from "../../../../src/model/byte-stream.ts";
import type { Cancel } from "../../../../src/model/cancel.ts";
import type { Response } from "../../../../src/model/exchange.ts";
import { HeaderLines } from "../../../../src/model/header-lines.ts";
import type { Received } from "../../../../src/model/received.ts";
import { collect } from "../../../../src/support/byte-streams.ts";
import { HandStream, RecordingSink, textOf } from "../../../support/byte-flow.ts";
import { startInbound, textResponse } from "../../../support/inbound.ts";
import { exchangeRaw, RawClient } from "../../../support/raw-http.ts";
import { turn } from "../../../support/turn.ts";

const GET = "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n";
const LAST_GET = "GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
const bodyOf = (text: string): string => text.slice(text.indexOf("\r\n\r\n") + 4);

/** Echoes the request body. */
async function echo({ body }: Received): Promise<Response> {
  if (!isStream(body)) return textResponse("no body");
  const collected = await collect(body, { maxBytes: 10_000_000 });
  return collected.kind === "complete" ? { ...textResponse(""), body: collected.bytes } : textResponse("broken", 400);
}

const streamed = (body: Response["body"], headers = HeaderLines.EMPTY): Response => ({ status: 200, headers, body });

describe("what an HTTP listener hands over", () => {
  it("keeps header lines as they came: order, repetition, spelling, bytes above ASCII", async () => {
    await using inbound = await startInbound(() => textResponse("ok"));
    await exchangeRaw(
      inbound.port,
      "GET /p?q=%20 HTTP/1.1\r\nHost: A.test\r\nX-B: 1\r\nx-a: caf\xe9 \r\nX-B: 2\r\nConnection: close\r\n\r\n",
    );
    const [received] = inbound.received;
    expect(received?.headers.toRaw()).toEqual([
      "Host",
      "A.test",
      "X-B",
      "1",
      "x-a",
      "caf\xe9",
      "X-B",
      "2",
      "Connection",
      "close",
    ]);
    expect(received).toMatchObject({
      method: "GET",
      requestTarget: "/p?q=%20",
      scheme: "http",
      listener: "public",
      peerAddress: "127.0.0.1",
      tlsSubject: "",
    });
    expect(received?.body).toBeUndefined();
  });

  it.each([
    ["a declared length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 5],
    ["chunks", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", undefined],
  ])("streams a body with %s", async (_name, bytes, declared) => {
    await using inbound = await startInbound(echo);
    using client = await RawClient.connect(inbound.port);
    client.send(bytes);
    expect(bodyOf(await client.until((received) => received.endsWith("hello")))).toBe("hello");
    expect(isStream(inbound.received[0]?.body) && inbound.received[0]?.body.declaredBytes).toBe(declared);
  });

  it("reads nothing of a body before it is asked for, and stops when the reader does", async () => {
    const sink = new RecordingSink(1);
    const asked = Promise.withResolvers<Flow>();
    await using inbound = await startInbound(async ({ body }) => {
      if (isStream(body)) asked.resolve(body.pipe(sink));
      await sink.over;
      return textResponse("done");
    });
    using client = await RawClient.connect(inbound.port);
    const total = 20 * 1024 * 1024;
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`);
    const chunk = Buffer.alloc(1024 * 1024);
    let written = 0;
    while (written < total && client.socket.write(chunk)) written += chunk.byteLength;
    const flow = await asked.promise;
    await client.until(() => sink.chunks.length > 0 || client.socket.writableLength > 0);
    // the reader took one chunk: the client is held back with most of its body unsent
    expect(client.socket.bytesWritten - client.socket.writableLength).toBeLessThan(total);
    expect(sink.byteCount).toBeLessThanOrEqual(128 * 1024);
    for (; written < total; written += chunk.byteLength) client.socket.write(chunk);
    sink.feed(Number.POSITIVE_INFINITY, flow);
    await client.until((received) => received.endsWith("done"));
    expect(sink.byteCount).toBeGreaterThanOrEqual(total);
  });
});

describe("a client that goes", () => {
  it("cancels the exchange while it is being answered", async () => {
    const cancelled = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<Response>();
    await using inbound = await startInbound((_received, cancel: Cancel) => {
      cancel.onAbort(() => cancelled.resolve());
      return answered.promise;
    });
    using client = await RawClient.connect(inbound.port);
    client.send(GET);
    while (inbound.received.length === 0) await turn();
    client.socket.resetAndDestroy();
    await cancelled.promise;
    const stream = new HandStream();
    answered.resolve(streamed(stream));
    while (inbound.sent.length === 0) await turn();
    expect(stream.discarded).toBe(true);
    expect(inbound.sent).toEqual([{ bytes: 0, completed: false }]);
  });

  it("cancels the body that is being streamed to it", async () => {
    const stream = new HandStream();
    await using inbound = await startInbound(() => streamed(stream));
    using client = await RawClient.connect(inbound.port);
    client.send(GET);
    await client.until((received) => received.includes("chunked"));
    client.socket.resetAndDestroy();
    while (!stream.cancelled) await turn();
    expect(inbound.sent).toMatchObject([{ completed: false }]);
  });

  it("is told from one that finishes: no cancel after a complete response", async () => {
    let cancelled = false;
    await using inbound = await startInbound((_received, cancel) => {
      cancel.onAbort(() => (cancelled = true));
      return textResponse("ok");
    });
    await exchangeRaw(inbound.port, LAST_GET);
    while (inbound.sent.length === 0) await turn();
    await turn();
    expect(cancelled).toBe(false);
  });

  it("breaks its request body off, naming the client", async () => {
    const sink = new RecordingSink();
    await using inbound = await startInbound(async ({ body }) => {
      if (isStream(body)) body.pipe(sink);
      await sink.over;
      return textResponse("x");
    });
    using client = await RawClient.connect(inbound.port);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhel");
    while (sink.byteCount < 3) await turn();
    client.socket.resetAndDestroy();
    const over = await sink.over;
    expect(over).toMatchObject({ kind: "failed", cause: { problem: "client_closed" } });
    expect(over.kind === "failed" && over.cause).toBeInstanceOf(BodyFailure);
  });
});

describe("limits of a listener", () => {
  it.each([
    ["a long target", { maxUriBytes: 100 }, `GET /${"x".repeat(100)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414, "uri_too_long"],
    [
      "many header lines",
      { maxHeaders: 5 },
      `GET / HTTP/1.1\r\nHost: a\r\n${"X-A: 1\r\n".repeat(5)}\r\n`,
      431,
      "headers_too_large",
    ],
    [
      "large header lines",
      { maxHeaderBytes: 500, maxUriBytes: 8000 },
      `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${"x".repeat(600)}\r\n\r\n`,
      431,
      "headers_too_large",
    ],
    [
      "header lines beyond the parser's own ceiling",
      { maxHeaderBytes: 500, maxUriBytes: 500 },
      `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${"x".repeat(5_000)}\r\n\r\n`,
      431,
      "headers_too_large",
    ],
    ["what is no HTTP", {}, "hello\r\n\r\n", 400, "bad_request"],
    ["CONNECT", {}, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405, "method_not_allowed"],
    ["a head that does not arrive", { headerTimeoutMs: 60 }, "GET / HTTP/1.1\r\nHost:", 408, "request_timeout"],
  ])("refuse %s with a problem and close", async (_name, limits, bytes, status, code) => {
    await using inbound = await startInbound(() => textResponse("ok"), { limits });
    const answer = await exchangeRaw(inbound.port, bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.toLowerCase()).toContain("connection: close");
    expect(answer).toContain("application/problem+json");
    expect(JSON.parse(bodyOf(answer))).toMatchObject({ status, code, request_id: "req-1" });
    expect(inbound.received).toEqual([]);
    expect(inbound.log.events).toEqual(["request_refused"]);
  });

  it("count all header lines, never dropping one without a word", async () => {
    await using inbound = await startInbound(() => textResponse("ok"), {
      limits: { maxHeaders: 3_000, maxHeaderBytes: 100_000 },
    });
    await exchangeRaw(inbound.port, `GET / HTTP/1.1\r\nHost: a\r\n${"X-A: 1\r\n".repeat(2_500)}Connection: close\r\n\r\n`);
    expect(inbound.received[0]?.headers.size).toBe(2_502);
  });

  it("refuse connections beyond the maximum, and log it once", async () => {
    await using inbound = await startInbound(() => textResponse("ok"), { limits: { maxConnections: 1 } });
    using first = await RawClient.connect(inbound.port);
    first.send(GET);
    await first.until((received) => received.includes("ok"));
    for (let i = 0; i < 3; i += 1) {
      using further = await RawClient.connect(inbound.port);
      await further.closed;
    }
    expect(inbound.log.events).toEqual(["connections_refused"]);
    expect(inbound.listener.connectionCount).toBe(1);
  });

  it("close an idle connection", async () => {
    await using inbound = await startInbound(() => textResponse("ok"), { limits: { idleMs: 20 } });
    using client = await RawClient.connect(inbound.port);
    client.send(GET);
    await client.closed;
    expect(client.statuses).toEqual([200]);
  });
});

describe("pipelined requests", () => {
  it("are answered one after the other, in their order", async () => {
    let underWay = 0;
    let most = 0;
    await using inbound = await startInbound(async ({ requestTarget }) => {
      most = Math.max(most, (underWay += 1));
      await turn();
      underWay -= 1;
      return textResponse(`[${requestTarget}]`);
    });
    using client = await RawClient.connect(inbound.port);
    client.send(Array.from({ length: 10 }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
    const answer = await client.until((received) => received.includes("[/9]"));
    expect([...answer.matchAll(/\[\/(\d)\]/g)].map(([, i]) => i).join("")).toBe("0123456789");
    expect(most).toBe(1);
  });

  it("are taken up to a bound; behind it the connection closes", async () => {
    await using inbound = await startInbound(() => textResponse("ok"));
    using client = await RawClient.connect(inbound.port);
    client.send(GET.repeat(200));
    await client.toEnd();
    expect(inbound.received.length).toBe(17);
    expect(client.statuses.length).toBe(17);
  });

  it("behind one that does not parse are forgotten, and the one under way is answered as itself", async () => {
    const answered = Promise.withResolvers<Response>();
    await using inbound = await startInbound(() => answered.promise);
    using client = await RawClient.connect(inbound.port);
    client.send(`${GET}${GET}garbage\r\n\r\n${GET}`);
    while (inbound.received.length === 0) await turn();
    answered.resolve(textResponse("mine"));
    await client.toEnd();
    expect(client.statuses).toEqual([200]);
    expect(client.received).toContain("mine");
    expect(inbound.received).toHaveLength(1);
  });
});

describe("an ordinary client", () => {
  it("uses one connection for many exchanges", async () => {
    await using inbound = await startInbound(echo);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 20; i += 1) {
      const text = await new Promise<string>((resolve, reject) => {
        const request = httpRequest({ port: inbound.port, host: "127.0.0.1", agent, method: "POST" }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => resolve(textOf(Buffer.concat(chunks))));
        });
        request.on("error", reject).end(`body ${i}`);
      });
      expect(text).toBe(`body ${i}`);
    }
    expect(inbound.listener.connectionCount).toBe(1);
    agent.destroy();
  });
});
