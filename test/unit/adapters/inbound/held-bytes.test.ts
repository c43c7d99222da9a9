import { describe, expect, it } from "vitest";
import { isStream, type ByteStream } from "../../../../src/model/byte-stream.ts";
import type { Response } from "../../../../src/model/exchange.ts";
import { HeaderLines } from "../../../../src/model/header-lines.ts";
import { HandStream, RecordingSink } from "../../../support/byte-flow.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { startInbound, textResponse } from "../../../support/inbound.ts";
import { RawClient } from "../../../support/raw-http.ts";
import { turn } from "../../../support/turn.ts";

const GET = "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n";
const POST = "POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";

describe("what a client may leave with a listener", () => {
  it("is bounded where nobody reads its body, however small the chunks; all of it arrives once somebody does", async () => {
    const asked = Promise.withResolvers<ByteStream>();
    const answered = Promise.withResolvers<Response>();
    await using inbound = await startInbound(({ body }) => {
      if (isStream(body)) asked.resolve(body);
      return answered.promise;
    });
    using client = await RawClient.connect(inbound.port);
    client.send(`${POST}${"1\r\nx\r\n".repeat(20_000)}`);
    const body = await asked.promise;
    for (let turns = 0; turns < 50; turns += 1) await turn();
    client.send(`${"1\r\ny\r\n".repeat(80_000)}0\r\n\r\n`);
    for (let turns = 0; turns < 50; turns += 1) await turn();
    const sink = new RecordingSink();
    body.pipe(sink);
    expect(await sink.over).toEqual({ kind: "ended" });
    expect(sink.text).toBe("x".repeat(20_000) + "y".repeat(80_000));
    answered.resolve(textResponse("done"));
    await client.until((received) => received.endsWith("done"));
  });

  it("goes on in order behind a body that was read late", async () => {
    const asked = Promise.withResolvers<ByteStream>();
    const answered = Promise.withResolvers<Response>();
    await using inbound = await startInbound(({ body }) => {
      if (!isStream(body)) return textResponse("second");
      asked.resolve(body);
      return answered.promise;
    });
    using client = await RawClient.connect(inbound.port);
    client.send(`POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${GET}`);
    const body = await asked.promise;
    for (let turns = 0; turns < 5; turns += 1) await turn();
    const sink = new RecordingSink();
    body.pipe(sink);
    await sink.over;
    expect(sink.text).toBe("hello");
    answered.resolve(textResponse("first"));
    expect(await client.until((received) => received.endsWith("second"))).toContain("first");
    expect(client.statuses).toEqual([200, 200]);
  });
});

describe("a connection that rested under a large body nobody read", () => {
  /** A request with a body of that many bytes, read late and whole, then answered at the test's word. */
  async function late(bytes: number) {
    const asked = Promise.withResolvers<ByteStream>();
    const cancelled = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<Response>();
    const inbound = await startInbound(({ body }, cancel) => {
      if (!isStream(body)) return textResponse("second");
      asked.resolve(body);
      cancel.onAbort(() => cancelled.resolve());
      return answered.promise;
    });
    const client = await RawClient.connect(inbound.port);
    client.send(`POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n${"x".repeat(bytes)}`);
    const body = await asked.promise;
    for (let turns = 0; turns < 50; turns += 1) await turn();
    const sink = new RecordingSink();
    body.pipe(sink);
    expect(await sink.over).toEqual({ kind: "ended" });
    expect(sink.text).toHaveLength(bytes);
    return { inbound, client, answered, cancelled: cancelled.promise };
  }

  it.each([60_000, 66_000, 70_000, 100_000, 130_000])("of %d bytes reads the next request", async (bytes) => {
    const { inbound, client, answered } = await late(bytes);
    answered.resolve(textResponse("first"));
    await client.until((received) => received.endsWith("first"));
    client.send(GET);
    expect(await client.until((received) => received.endsWith("second"))).toContain("first");
    await inbound.listener.close();
  });

  it.each([60_000, 70_000, 130_000])("of %d bytes notices that the client leaves", async (bytes) => {
    const { inbound, client, cancelled } = await late(bytes);
    client.socket.destroy();
    await cancelled;
    await inbound.listener.close();
  });
});

describe("what comes behind a request that is being answered", () => {
  it.each([
    ["CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"],
    ["no request", "no request\r\n\r\n"],
  ])("leaves it its answer, and ends the connection, where it is %s", async (_name, behind) => {
    const answered = Promise.withResolvers<Response>();
    await using inbound = await startInbound(() => answered.promise);
    using client = await RawClient.connect(inbound.port);
    client.send(`${GET}${behind}`);
    while (inbound.received.length === 0) await turn();
    for (let turns = 0; turns < 20; turns += 1) await turn();
    answered.resolve(textResponse("first"));
    expect(await client.toEnd()).toMatch(/^HTTP\/1\.1 200 [^]*first$/);
    while (inbound.sent.length === 0) await turn();
    expect(inbound.sent).toEqual([{ bytes: 5, completed: true }]);
    while (inbound.listener.connectionCount > 0) await turn();
  });

  it("leaves it a large answer too, taken slowly, where it is CONNECT", async () => {
    const stream = new HandStream();
    await using inbound = await startInbound(() => ({ status: 200, headers: HeaderLines.EMPTY, body: stream }));
    using client = await RawClient.connect(inbound.port);
    client.send(`${GET}CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n`);
    await client.until((received) => received.includes("\r\n\r\n"));
    client.socket.pause();
    while (stream.write("x".repeat(1024 * 1024)));
    client.socket.resume();
    while (stream.resumed === 0) await turn();
    stream.sink?.end();
    expect(await client.toEnd()).toMatch(/\r\n0\r\n\r\n$/);
    expect(client.statuses).toEqual([200]);
  });

  it("hears of a client that leaves, where it is CONNECT", async () => {
    const cancelled = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<Response>();
    await using inbound = await startInbound((_request, cancel) => {
      cancel.onAbort(() => cancelled.resolve());
      return answered.promise;
    });
    using client = await RawClient.connect(inbound.port);
    client.send(`${GET}CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n`);
    while (inbound.received.length === 0) await turn();
    client.socket.resetAndDestroy();
    await cancelled.promise;
    answered.resolve(textResponse("nobody"));
  });
});

describe("a request that is being answered when the client sends no more", () => {
  it("has its answer where what came behind it was refused", async () => {
    const answered = Promise.withResolvers<Response>();
    await using inbound = await startInbound(() => answered.promise, { codec: "sallyport" });
    using client = await RawClient.connect(inbound.port);
    client.send(`${GET}no request\r\n\r\n`);
    client.socket.end();
    while (inbound.received.length === 0) await turn();
    for (let turns = 0; turns < 50; turns += 1) await turn();
    answered.resolve(textResponse("first"));
    expect(await client.toEnd()).toMatch(/^HTTP\/1\.1 200 [^]*first$/);
    while (inbound.listener.connectionCount > 0) await turn();
  });
});

describe("a connection between requests", () => {
  it("is told from one whose next head has begun: that one is due, and answered 408", async () => {
    await using inbound = await startInbound(() => textResponse("ok"), { limits: { headerTimeoutMs: 120, idleMs: 60_000 } });
    using client = await RawClient.connect(inbound.port);
    client.send(`${GET}GET /b HT`);
    await client.toEnd();
    expect(client.statuses).toEqual([200, 408]);
    expect(inbound.log.events).toEqual(["request_refused"]);
  });

  it("ends with the client's end: half a request is refused, a whole one is given up", async () => {
    await using inbound = await startInbound(() => textResponse("ok"));
    using half = await RawClient.connect(inbound.port);
    half.send("GET / HTTP/1.1\r\nHost");
    half.socket.end();
    expect(await half.toEnd()).toMatch(/^HTTP\/1\.1 400 /);
    using none = await RawClient.connect(inbound.port);
    none.socket.end();
    expect(await none.toEnd()).toBe("");
    while (inbound.listener.connectionCount > 0) await turn();
  });

  it("does not outlive an HTTP/1.0 request, unless that asks for it", async () => {
    await using inbound = await startInbound(() => textResponse("ok"));
    using once = await RawClient.connect(inbound.port);
    once.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    expect((await once.toEnd()).toLowerCase()).toContain("connection: close");
    using kept = await RawClient.connect(inbound.port);
    kept.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    expect((await kept.until((received) => received.endsWith("ok"))).toLowerCase()).toContain("connection: keep-alive");
    kept.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    await kept.toEnd();
    expect(kept.statuses).toEqual([200, 200]);
  });

  it("is kept for a second longer than it says, so that a request sent at the last moment is answered", async () => {
    const clock = new FakeClock();
    await using inbound = await startInbound(() => textResponse("ok"), { clock, limits: { idleMs: 5_000 }, codec: "sallyport" });
    using client = await RawClient.connect(inbound.port);
    client.send(GET);
    expect(await client.until((received) => received.endsWith("ok"))).toContain("Keep-Alive: timeout=5\r\n");
    clock.advance(5_900);
    client.send(GET);
    await client.until((received) => received.split("\r\n\r\nok").length > 2);
    expect(client.statuses).toEqual([200, 200]);
    clock.advance(7_000);
    await client.closed;
  });

  it("is not idle to the listener's watch while a response flows for longer than it may be idle", async () => {
    const clock = new FakeClock();
    const answered = Promise.withResolvers<Response>();
    await using inbound = await startInbound(() => answered.promise, { clock, limits: { idleMs: 1_000 } });
    using client = await RawClient.connect(inbound.port);
    client.send(GET);
    while (inbound.received.length === 0) await turn();
    clock.advance(30_000);
    answered.resolve({ status: 200, headers: HeaderLines.EMPTY, body: new TextEncoder().encode("late") });
    expect(await client.until((received) => received.endsWith("late"))).toContain("200");
  });
});

describe("a response's head", () => {
  it("has a date of its own only where the response brings none", async () => {
    const dated = HeaderLines.of(["Date", "Sat, 01 Jan 2000 00:00:00 GMT"]);
    await using inbound = await startInbound(({ requestTarget }) =>
      requestTarget === "/dated" ? { status: 200, headers: dated, body: undefined } : textResponse("ok"),
    );
    using client = await RawClient.connect(inbound.port);
    client.send("GET /dated HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const dates = [...(await client.toEnd()).matchAll(/^date: (.*)\r$/gim)].map(([, value]) => value);
    expect(dates[0]).toBe("Sat, 01 Jan 2000 00:00:00 GMT");
    expect(dates[1]).toMatch(/^\w{3}, \d\d \w{3} 20\d\d \d\d:\d\d:\d\d GMT$/);
    expect(dates).toHaveLength(2);
  });
});
