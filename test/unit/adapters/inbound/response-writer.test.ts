import { describe, expect, it } from "vitest";
import type { Response } from "../../../../src/model/exchange.ts";
import { HeaderLines } from "../../../../src/model/header-lines.ts";
import { ToldFailure } from "../../../../src/model/told-failure.ts";
import { bytesStream } from "../../../../src/support/byte-streams.ts";
import { bytesOf, HandStream } from "../../../support/byte-flow.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { startInbound } from "../../../support/inbound.ts";
import { exchangeRaw, RawClient } from "../../../support/raw-http.ts";
import { turn } from "../../../support/turn.ts";

const GET = "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n";
const LAST_GET = "GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
const bodyOf = (text: string): string => text.slice(text.indexOf("\r\n\r\n") + 4);

const streamed = (body: Response["body"], headers = HeaderLines.EMPTY): Response => ({ status: 200, headers, body });

describe("how a response is framed", () => {
  it.each([
    ["bytes", streamed(bytesOf("hello")), "content-length: 5"],
    ["a stream of known length", streamed(bytesStream([bytesOf("he"), bytesOf("llo")])), "content-length: 5"],
    [
      "bytes, whatever the headers say",
      streamed(bytesOf("hello"), HeaderLines.of(["content-length", "3"], ["transfer-encoding", "chunked"])),
      "content-length: 5",
    ],
  ])("by the length of %s", async (_name, response, line) => {
    await using inbound = await startInbound(() => response);
    const answer = await exchangeRaw(inbound.port, LAST_GET);
    expect(answer.toLowerCase()).toContain(line);
    expect(answer.toLowerCase()).not.toContain("transfer-encoding");
    expect(bodyOf(answer)).toBe("hello");
    expect(inbound.sent).toEqual([{ bytes: 5, completed: true }]);
  });

  it("in chunks where the length is unknown, by closing for HTTP/1.0", async () => {
    const unknown = (): Response => streamed({ ...bytesStream([bytesOf("hello")]), declaredBytes: undefined });
    await using inbound = await startInbound(unknown);
    expect(bodyOf(await exchangeRaw(inbound.port, LAST_GET))).toBe("5\r\nhello\r\n0\r\n\r\n");
    const old = await exchangeRaw(inbound.port, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    expect(bodyOf(old)).toBe("hello");
    expect(old.toLowerCase()).not.toContain("transfer-encoding");
  });

  it.each([
    ["HEAD", "HEAD / HTTP/1.1", streamed(bytesOf("hello")), "content-length: 5"],
    [
      "HEAD with the upstream's length",
      "HEAD / HTTP/1.1",
      streamed(undefined, HeaderLines.of(["Content-Length", "1234"])),
      "content-length: 1234",
    ],
    ["204", "GET / HTTP/1.1", { ...streamed(bytesOf("hello")), status: 204 }, undefined],
    ["304", "GET / HTTP/1.1", { ...streamed(undefined, HeaderLines.of(["etag", '"x"'])), status: 304 }, undefined],
    ["no body at all", "GET / HTTP/1.1", streamed(undefined), "content-length: 0"],
  ])("without a body: %s", async (_name, line, response, length) => {
    await using inbound = await startInbound(() => response);
    const answer = await exchangeRaw(inbound.port, `${line}\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(bodyOf(answer)).toBe("");
    expect(/content-length: \d+/i.exec(answer)?.[0].toLowerCase()).toBe(length);
    expect(answer.toLowerCase()).not.toContain("transfer-encoding");
  });

  it("never passes hop-by-hop lines on, and writes header bytes as they are", async () => {
    const headers = HeaderLines.of(
      ["Keep-Alive", "timeout=1"],
      ["Upgrade", "h2c"],
      ["Trailer", "x"],
      ["X-Name", "caf\xe9"],
      ["set-cookie", "a=1"],
      ["Set-Cookie", "b=2"],
    );
    await using inbound = await startInbound(() => streamed(bytesOf(""), headers));
    const answer = await exchangeRaw(inbound.port, LAST_GET);
    expect(answer).not.toMatch(/timeout=1|h2c|trailer/i);
    expect(answer).toContain("X-Name: caf\xe9\r\n");
    expect(answer).toContain("set-cookie: a=1\r\nSet-Cookie: b=2\r\n");
  });

  it.each([
    ["breaks off", (stream: HandStream) => stream.sink?.fail("upstream gone")],
    ["ends early", (stream: HandStream) => stream.sink?.end()],
    ["has too many bytes", (stream: HandStream) => stream.write("x".repeat(100))],
  ])("and cuts the connection when the body %s", async (_name, hurt) => {
    const stream = new HandStream(10);
    await using inbound = await startInbound(() => streamed(stream));
    using client = await RawClient.connect(inbound.port);
    client.send(GET);
    await client.until((received) => received.includes("content-length: 10"));
    stream.write("hel");
    await client.until((received) => received.endsWith("hel"));
    hurt(stream);
    await client.closed;
    expect(bodyOf(client.received)).toBe("hel");
    expect(inbound.sent).toMatchObject([{ completed: false, bytes: 3 }]);
  });

  it("and never ends a broken chunked body with its last chunk", async () => {
    const stream = new HandStream();
    await using inbound = await startInbound(() => streamed(stream));
    using client = await RawClient.connect(inbound.port);
    client.send(GET);
    await client.until((received) => received.includes("chunked"));
    stream.write("hel");
    await client.until((received) => received.includes("hel"));
    stream.sink?.fail("upstream gone");
    await client.closed;
    expect(bodyOf(client.received)).toBe("3\r\nhel\r\n");
  });

  it("and resets the connection of an HTTP/1.0 client, which would take a close for the end", async () => {
    const stream = new HandStream();
    await using inbound = await startInbound(() => streamed(stream));
    using client = await RawClient.connect(inbound.port);
    const broken = new Promise<NodeJS.ErrnoException>((resolve) => client.socket.once("error", resolve));
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    await client.until((received) => received.includes("\r\n\r\n"));
    stream.write("hel");
    await client.until((received) => received.endsWith("hel"));
    stream.sink?.fail("upstream gone");
    expect((await broken).code).toBe("ECONNRESET");
  });

  it("and ends a body that breaks off in words of its own with these, and tells whoever asks that it broke", async () => {
    const stream = new HandStream();
    await using inbound = await startInbound(() => streamed(stream));
    using client = await RawClient.connect(inbound.port);
    client.send(LAST_GET);
    await client.until((received) => received.includes("chunked"));
    stream.write("hel");
    stream.sink?.fail(new ToldFailure(bytesOf(", no"), "upstream gone"));
    expect((await client.toEnd()).endsWith(", no\r\n0\r\n\r\n")).toBe(true);
    await expect.poll(() => inbound.sent).toEqual([{ bytes: 7, completed: true, cause: "upstream gone", bodyBroke: true }]);
  });

  it("but cuts it where a length was promised that they would exceed", async () => {
    const stream = new HandStream(5);
    await using inbound = await startInbound(() => streamed(stream));
    using client = await RawClient.connect(inbound.port);
    client.send(GET);
    await client.until((received) => received.includes("\r\n\r\n"));
    stream.write("hel");
    stream.sink?.fail(new ToldFailure(bytesOf(", no"), "upstream gone"));
    await client.closed;
    expect(bodyOf(client.received)).not.toContain("no");
  });

  it("answers internal when the response cannot be written, and when the pipeline throws", async () => {
    await using broken = await startInbound(() => streamed(bytesOf("x"), HeaderLines.of(["bad name", "x"])));
    expect(await exchangeRaw(broken.port, LAST_GET)).toMatch(/^HTTP\/1\.1 500 /);
    await using throwing = await startInbound(() => Promise.reject(new Error("a bug")));
    const answer = await exchangeRaw(throwing.port, LAST_GET);
    expect(JSON.parse(bodyOf(answer))).toMatchObject({ code: "internal" });
    expect(answer).not.toContain("a bug");
    expect(throwing.log.events).toEqual(["handle_failed"]);
  });
});

describe("the head of a response without a body", () => {
  it("does not wait for what is left of the request", async () => {
    await using inbound = await startInbound(() => ({ ...streamed(undefined), status: 204 }), { clock: new FakeClock() });
    using client = await RawClient.connect(inbound.port);
    client.send("POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nab");
    await client.until((received) => received.endsWith("\r\n\r\n"));
    expect(client.statuses).toEqual([204]);
    client.send(`cd${GET}`);
    await client.until((received) => received.split("\r\n\r\n").length > 2);
    expect(client.statuses).toEqual([204, 204]);
  });
});

describe("backpressure of a response", () => {
  it("holds the producer back while the client takes nothing, and goes on when it does", async () => {
    const stream = new HandStream();
    await using inbound = await startInbound(() => streamed(stream));
    using client = await RawClient.connect(inbound.port);
    client.send(GET);
    await client.until((received) => received.includes("chunked"));
    client.socket.pause();
    const chunk = "x".repeat(1024 * 1024);
    let written = 0;
    // kernel buffers take some; then the answer to a write is no
    while (stream.write(chunk)) written += 1;
    expect(written).toBeLessThan(64);
    expect(stream.resumed).toBe(0);
    client.socket.resume();
    while (stream.resumed === 0) await turn();
    stream.sink?.end();
    await client.until((received) => received.endsWith("0\r\n\r\n"));
  });

  it("gives up on a client that takes nothing for ten times the body idle time", async () => {
    const clock = new FakeClock();
    const stream = new HandStream();
    await using inbound = await startInbound(() => streamed(stream), { clock });
    using client = await RawClient.connect(inbound.port);
    client.send(GET);
    await client.until((received) => received.includes("chunked"));
    client.socket.pause();
    while (stream.write("x".repeat(1024 * 1024)));
    clock.advance(300_000);
    expect(stream.cancelled).toBe(true);
    while (inbound.sent.length === 0) await turn();
    expect(inbound.sent).toMatchObject([{ completed: false, cause: "the client takes no bytes" }]);
  });

  it("gives up on a client that takes nothing of a whole response, however little of it waits", async () => {
    const clock = new FakeClock();
    await using inbound = await startInbound(() => streamed(new Uint8Array(30_000)), { clock });
    using client = await RawClient.connect(inbound.port);
    client.socket.pause();
    // until the kernel takes no more: what it takes is sent at once
    while (inbound.sent.length === inbound.received.length) {
      const asked = inbound.received.length + 1;
      client.send(GET);
      while (inbound.received.length < asked) await turn();
      for (let turns = 0; turns < 20; turns += 1) await turn();
    }
    clock.advance(300_000);
    while (inbound.sent.length < inbound.received.length) await turn();
    expect(inbound.sent.at(-1)).toMatchObject({ completed: false, cause: "the client takes no bytes" });
    client.socket.resume();
    await client.closed;
  });
});
