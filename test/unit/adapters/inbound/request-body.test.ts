import { describe, expect, it } from "vitest";
import { BodyFailure } from "../../../../src/model/body-failure.ts";
import { isStream } from "../../../../src/model/byte-stream.ts";
import type { Response } from "../../../../src/model/exchange.ts";
import type { Received } from "../../../../src/model/received.ts";
import { collect } from "../../../../src/support/byte-streams.ts";
import { RecordingSink } from "../../../support/byte-flow.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { startInbound, textResponse } from "../../../support/inbound.ts";
import { exchangeRaw, RawClient } from "../../../support/raw-http.ts";
import { turn } from "../../../support/turn.ts";

const GET = "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n";
const bodyOf = (text: string): string => text.slice(text.indexOf("\r\n\r\n") + 4);

/** Echoes the request body. */
async function echo({ body }: Received): Promise<Response> {
  if (!isStream(body)) return textResponse("no body");
  const collected = await collect(body, { maxBytes: 10_000_000 });
  return collected.kind === "complete" ? { ...textResponse(""), body: collected.bytes } : textResponse("broken", 400);
}

describe("100 Continue", () => {
  const POST = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

  it("is sent when the first byte of the body is wanted, not before", async () => {
    const wanted = Promise.withResolvers<void>();
    await using inbound = await startInbound(async (received) => {
      await wanted.promise;
      return echo(received);
    });
    using client = await RawClient.connect(inbound.port);
    client.send(POST);
    while (inbound.received.length === 0) await turn();
    expect(client.received).toBe("");
    wanted.resolve();
    await client.until((received) => received.includes("100 Continue\r\n\r\n"));
    client.send("hello");
    expect(await client.until((received) => received.endsWith("hello"))).toContain("HTTP/1.1 200");
  });

  it("is not sent where the answer needs no body, and the connection closes", async () => {
    await using inbound = await startInbound(() => textResponse("no", 403));
    const answer = await exchangeRaw(inbound.port, POST);
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer.toLowerCase()).toContain("connection: close");
    expect(answer).not.toContain("100 Continue");
  });

  it.each(["202-accepted", "100-continue, 202-accepted", "x-100-continue"])("refuses to meet %s", async (expectation) => {
    await using inbound = await startInbound(() => textResponse("ok"));
    const answer = await exchangeRaw(
      inbound.port,
      `POST / HTTP/1.1\r\nHost: a\r\nExpect: ${expectation}\r\nContent-Length: 0\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 417 /);
    expect(JSON.parse(bodyOf(answer))).toMatchObject({ code: "expectation_failed", status: 417 });
    expect(inbound.received).toEqual([]);
  });
});

describe("a request body nobody reads to its end", () => {
  it("is read away when it is small, and the connection goes on", async () => {
    await using inbound = await startInbound(() => textResponse("early"));
    using client = await RawClient.connect(inbound.port);
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n${"x".repeat(5_000)}`);
    expect((await client.until((received) => received.includes("early"))).toLowerCase()).toContain("connection: keep-alive");
    client.send("x".repeat(5_000) + GET);
    await client.until((received) => received.split("early").length > 2);
    expect(client.statuses).toEqual([200, 200]);
  });

  it("closes the connection when it is large, answer first", async () => {
    await using inbound = await startInbound(() => textResponse("too much", 413));
    using client = await RawClient.connect(inbound.port);
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n`);
    const writing = setInterval(() => client.socket.writable && client.socket.write(Buffer.alloc(256 * 1024)), 1);
    await client.until((received) => received.includes("too much"));
    await client.closed;
    clearInterval(writing);
    expect(client.received.toLowerCase()).toContain("connection: close");
  });

  it("times out when it stalls: 408 from the reader's point of view, and the connection closes", async () => {
    const clock = new FakeClock();
    const sink = new RecordingSink();
    await using inbound = await startInbound(
      async ({ body }) => {
        if (isStream(body)) body.pipe(sink);
        const over = await sink.over;
        return textResponse(over.kind === "failed" && over.cause instanceof BodyFailure ? over.cause.problem : "?", 408);
      },
      { clock },
    );
    using client = await RawClient.connect(inbound.port);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhel");
    while (sink.byteCount < 3) await turn();
    clock.advance(29_999);
    expect(sink.endings).toBe(0);
    clock.advance(2);
    expect(sink.endings).toBe(1);
    expect(await client.until((received) => received.includes("request_timeout"))).toMatch(/^HTTP\/1\.1 408 /);
    expect(client.received.toLowerCase()).toContain("connection: close");
  });

  it("times out when it trickles below the minimum rate", async () => {
    const clock = new FakeClock();
    const sink = new RecordingSink();
    await using inbound = await startInbound(
      async ({ body }) => {
        if (isStream(body)) body.pipe(sink);
        await sink.over;
        return textResponse("x", 408);
      },
      { clock },
    );
    using client = await RawClient.connect(inbound.port);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    while (inbound.received.length === 0) await turn();
    for (let sent = 1; sink.endings === 0 && sent < 100; sent += 1) {
      client.send("x");
      while (sink.byteCount < sent) await turn();
      clock.advance(10_000);
    }
    expect(sink.byteCount).toBeLessThan(10);
    expect(await sink.over).toMatchObject({ cause: { problem: "request_timeout" } });
  });
});
