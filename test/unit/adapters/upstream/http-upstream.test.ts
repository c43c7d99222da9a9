import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/adapters/system/clock.ts";
import { httpUpstream, type HttpUpstreamSettings } from "../../../../src/adapters/upstream/http-upstream.ts";
import { BodyFailure } from "../../../../src/model/body-failure.ts";
import { isStream, type Body } from "../../../../src/model/byte-stream.ts";
import { CancelSource } from "../../../../src/model/cancel.ts";
import { HeaderLines } from "../../../../src/model/header-lines.ts";
import type { Clock } from "../../../../src/ports/clock.ts";
import type { Upstream, UpstreamRequest } from "../../../../src/ports/upstream.ts";
import { bytesStream, collect } from "../../../../src/support/byte-streams.ts";
import { bytesOf, HandStream, RecordingSink, textOf } from "../../../support/byte-flow.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { startRawUpstream } from "../../../support/raw-upstream.ts";
import { turn } from "../../../support/turn.ts";

const TIMEOUTS = { connectMs: 5_000, firstByteMs: 30_000, idleMs: 60_000, totalMs: undefined };

function upstreamTo(urls: readonly string[], choice: Partial<HttpUpstreamSettings> & { readonly clock?: Clock } = {}): Upstream {
  const { clock = systemClock(), ...settings } = choice;
  return httpUpstream({ name: "orders", endpoints: urls.map((url) => ({ url })), timeouts: TIMEOUTS, maxRequests: 100, ...settings }, { clock });
}

const requestTo = (method: string, requestTarget = "/", body: Body = undefined, ...lines: readonly (readonly [string, string])[]): UpstreamRequest => ({
  method,
  requestTarget,
  headers: HeaderLines.of(["host", "api.test"], ...lines),
  body,
});

async function startServer(listener: RequestListener): Promise<AsyncDisposable & { readonly url: string; readonly server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // a listening TCP server's address is no pipe name
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function textBody(body: Body): Promise<string> {
  if (body === undefined) return "";
  if (!isStream(body)) return textOf(body);
  const collected = await collect(body, { maxBytes: 100_000_000 });
  if (collected.kind !== "complete") throw new Error(`the body is ${collected.kind}`);
  return textOf(collected.bytes);
}

async function readAll(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

/** Sends one request to an upstream that answers each head with these bytes, and closes behind them if told. */
async function answered(bytes: string, choice: { readonly method?: string; readonly closes?: boolean } = {}) {
  await using raw = await startRawUpstream((socket) => {
    socket.write(Buffer.from(bytes, "latin1"));
    if (choice.closes === true) socket.end();
  });
  await using upstream = upstreamTo([raw.url]);
  const answer = await upstream.send(requestTo(choice.method ?? "GET"), new CancelSource());
  if (!answer.ok) return answer;
  const { body } = answer.value;
  const collected = isStream(body) ? await collect(body, { maxBytes: 1_000_000 }) : undefined;
  return { ...answer, text: collected?.kind === "complete" ? textOf(collected.bytes) : (collected?.kind ?? "no body") };
}

describe("what an HTTP upstream sends", () => {
  it("is the method, target and lines it was given, in order, with framing of its own", async () => {
    await using raw = await startRawUpstream((socket) => socket.write("HTTP/1.1 204 x\r\n\r\n"));
    await using upstream = upstreamTo([raw.url]);
    const lines = [["X-B", "1"], ["x-a", "caf\xe9"], ["X-B", "2"], ["content-length", "99"], ["connection", "close"]] as const;
    await upstream.send(requestTo("DELETE", "/a%2Fb?q=1&q=%20", undefined, ...lines), new CancelSource());
    expect(raw.received()).toBe("DELETE /a%2Fb?q=1&q=%20 HTTP/1.1\r\nhost: api.test\r\nconnection: keep-alive\r\nX-B: 1\r\nx-a: caf\xe9\r\nX-B: 2\r\n\r\n");
  });

  it.each([
    ["bytes", bytesOf("hello"), "5"],
    ["a stream of known length", bytesStream([bytesOf("he"), bytesOf("llo")]), "5"],
    ["a stream of unknown length that is all there", { ...bytesStream([bytesOf("he"), bytesOf("llo")]), declaredBytes: undefined }, "5"],
  ])("frames %s by its length", async (_name, body, length) => {
    await using server = await startServer(async (request, response) => {
      response.end(JSON.stringify([await readAll(request), request.headers["content-length"], request.headers["transfer-encoding"]]));
    });
    await using upstream = upstreamTo([server.url]);
    const answer = await upstream.send(requestTo("POST", "/", body), new CancelSource());
    expect(answer.ok && JSON.parse(await textBody(answer.value.body))).toEqual(["hello", length, null]);
  });

  it("frames a stream of unknown length in chunks", async () => {
    await using server = await startServer(async (request, response) => response.end(`${await readAll(request)} ${request.headers["transfer-encoding"]}`));
    await using upstream = upstreamTo([server.url]);
    const body = new HandStream();
    const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
    while (body.sink === undefined) await turn();
    body.write("hel");
    await turn();
    body.write("lo");
    body.sink.end();
    const answer = await pending;
    expect(answer.ok && (await textBody(answer.value.body))).toBe("hello chunked");
  });

  it("goes to the endpoints in turn, over kept-alive connections", async () => {
    let connections = 0;
    const seen: string[] = [];
    await using a = await startServer((_request, response) => response.end("a"));
    await using b = await startServer((_request, response) => response.end("b"));
    for (const { server } of [a, b]) server.on("connection", () => (connections += 1));
    await using upstream = upstreamTo([a.url, b.url]);
    for (let i = 0; i < 6; i += 1) {
      const answer = await upstream.send(requestTo("GET"), new CancelSource());
      if (answer.ok) seen.push(await textBody(answer.value.body));
    }
    expect(seen.join("")).toBe("ababab");
    expect(connections).toBe(2);
  });

  it("is refused as overload beyond the most requests under way, and the body given up", async () => {
    await using server = await startServer(() => {});
    await using upstream = upstreamTo([server.url], { maxRequests: 1 });
    const first = new CancelSource();
    const pending = upstream.send(requestTo("GET"), first);
    const body = new HandStream();
    expect(await upstream.send(requestTo("POST", "/", body), new CancelSource())).toMatchObject({ ok: false, error: { problem: "upstream_overloaded" } });
    expect(body.discarded).toBe(true);
    first.abort();
    await pending;
    const again = new CancelSource();
    const third = upstream.send(requestTo("GET"), again);
    await turn();
    again.abort();
    expect(await third).toMatchObject({ error: { problem: "upstream_unreachable" } });
  });

  it.each([
    ["a header name", ["bad name", "x"]],
    ["a header value", ["x", "a\r\nb"]],
    ["a character above U+00FF", ["x", "\u0100"]],
  ] as const)("is nothing when %s cannot be written, and nothing throws", async (_name, line) => {
    await using raw = await startRawUpstream((socket) => socket.end());
    await using upstream = upstreamTo([raw.url]);
    expect(await upstream.send(requestTo("GET", "/", undefined, line), new CancelSource())).toMatchObject({ ok: false, error: { problem: "bad_request" } });
    expect(raw.received()).toBe("");
  });

  it("is never sent twice: a connection that breaks behind the request fails the exchange", async () => {
    let requests = 0;
    await using raw = await startRawUpstream((socket) => {
      requests += 1;
      if (requests === 1) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
      else socket.destroy();
    });
    await using upstream = upstreamTo([raw.url]);
    const first = await upstream.send(requestTo("GET"), new CancelSource());
    expect(first.ok && (await textBody(first.value.body))).toBe("ok");
    expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({ error: { problem: "upstream_unreachable" } });
    await turn();
    expect(requests).toBe(2);
  });
});

describe("a response of an HTTP upstream", () => {
  it("keeps its lines as they came: order, repetition, spelling, bytes above ASCII", async () => {
    const answer = await answered("HTTP/1.1 203 Odd\r\nSet-Cookie: a=1\r\nX-N:  caf\xe9 \r\nset-cookie: b=2\r\nContent-Length: 2\r\n\r\nok");
    expect(answer).toMatchObject({ ok: true, text: "ok", value: { status: 203 } });
    expect(answer.ok && answer.value.headers.toRaw()).toEqual(["Set-Cookie", "a=1", "X-N", "caf\xe9", "set-cookie", "b=2", "Content-Length", "2"]);
    expect(answer.ok && isStream(answer.value.body) && answer.value.body.declaredBytes).toBe(2);
  });

  it.each([
    ["HEAD with a length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"],
    ["204", "GET", "HTTP/1.1 204 No\r\n\r\n"],
    ["304 with a length", "GET", "HTTP/1.1 304 Not\r\nContent-Length: 1234\r\n\r\n"],
    ["a length of zero", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
  ])("has no body: %s", async (_name, method, bytes) => {
    expect(await answered(bytes, { method })).toMatchObject({ ok: true, text: "no body" });
  });

  it.each([
    ["100-less interim ones", "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false],
    ["chunks with extensions and trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nX-T: 1\r\n\r\n", false],
    ["the end of the connection", "HTTP/1.0 200 OK\r\n\r\nok", true],
  ])("is read through %s", async (_name, bytes, closes) => {
    const answer = await answered(bytes, { closes });
    expect(answer).toMatchObject({ ok: true, text: "ok" });
    expect(answer.ok && answer.value.headers.has("link")).toBe(false);
  });

  it.each([
    ["no HTTP", "hello\r\n\r\n"],
    ["a length twice", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"],
    ["a padded length", "HTTP/1.1 200 OK\r\nContent-Length: 02\r\n\r\nok"],
    ["a signed length", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok"],
    ["a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok"],
    ["length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    ["another transfer coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    ["a folded line", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok"],
    ["a line ended by LF", "HTTP/1.1 200 OK\r\nX: a\nContent-Length: 2\r\n\r\nok"],
    ["a line ended by CR", "HTTP/1.1 200 OK\r\nX: a\rContent-Length: 2\r\n\r\nok"],
    ["NUL in a value", "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok"],
    ["a control character in a value", "HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 2\r\n\r\nok"],
    ["a space before a colon", "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 2\r\n\r\nok"],
    ["a line without a colon", "HTTP/1.1 200 OK\r\nX\r\nContent-Length: 2\r\n\r\nok"],
    ["101 without being asked", "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"],
    ["a bare 101", "HTTP/1.1 101 Switching\r\n\r\n"],
    ["a status beyond 599", "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"],
    ["a head too large", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}\r\n\r\n`],
  ])("is refused for %s", async (_name, bytes) => {
    expect(await answered(bytes)).toMatchObject({ ok: false, error: { problem: "upstream_invalid_response" } });
  });

  it.each([
    ["is cut short of its length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel"],
    ["is cut within a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"],
    ["is cut before its last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n"],
    ["has a chunk that lies", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n"],
  ])("breaks when its body %s", async (_name, bytes) => {
    expect(await answered(bytes, { closes: true })).toMatchObject({ ok: true, text: "broken" });
  });

  it("leaves no bytes for the next request on its connection", async () => {
    let requests = 0;
    await using raw = await startRawUpstream((socket) => {
      requests += 1;
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n${requests === 1 ? "okHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil" : "ok"}`);
    });
    await using upstream = upstreamTo([raw.url]);
    const first = await upstream.send(requestTo("GET"), new CancelSource());
    expect(first.ok && (await textBody(first.value.body))).toBe("ok");
    const second = await upstream.send(requestTo("GET"), new CancelSource());
    expect(second.ok && (await textBody(second.value.body))).toBe("ok");
    expect(raw.connections).toHaveLength(2);
  });

  it("waits for its reader, holding no more than a little", async () => {
    let written = 0;
    await using server = await startServer((_request, response) => {
      const more = (): void => {
        while (written < 200 && response.write(Buffer.alloc(1024 * 1024))) written += 1;
        written += 1;
        if (written < 200) response.once("drain", more);
        else response.end();
      };
      more();
    });
    await using upstream = upstreamTo([server.url]);
    const answer = await upstream.send(requestTo("GET"), new CancelSource());
    const sink = new RecordingSink(1);
    const flow = answer.ok && isStream(answer.value.body) ? answer.value.body.pipe(sink) : undefined;
    for (let quiet = 0, before = -1; quiet < 20; quiet += 1, before = written) {
      if (before !== written) quiet = 0;
      await turn();
    }
    expect(sink.byteCount).toBeLessThanOrEqual(256 * 1024);
    // what the kernel holds at most, not 200 MiB
    expect(written).toBeLessThan(100);
    if (flow !== undefined) sink.feed(Number.POSITIVE_INFINITY, flow);
    expect(await sink.over).toEqual({ kind: "ended" });
    expect(sink.byteCount).toBe(200 * 1024 * 1024);
  });

  it("may come before the request is complete, and then gives the rest of it up", async () => {
    await using server = await startServer((_request, response) => response.writeHead(413).end("too much"));
    await using upstream = upstreamTo([server.url]);
    const body = new HandStream();
    const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
    while (body.sink === undefined) await turn();
    body.write("some");
    const answer = await pending;
    expect(answer).toMatchObject({ ok: true, value: { status: 413 } });
    expect(answer.ok && (await textBody(answer.value.body))).toBe("too much");
    while (!body.cancelled) await turn();
  });
});

describe("an HTTP upstream that fails", () => {
  it("is unreachable when nobody listens, and the request body is given up", async () => {
    const server = await startServer(() => {});
    await server[Symbol.asyncDispose]();
    await using upstream = upstreamTo([server.url]);
    const body = new HandStream();
    expect(await upstream.send(requestTo("POST", "/", body), new CancelSource())).toMatchObject({ ok: false, error: { problem: "upstream_unreachable", cause: expect.stringContaining("ECONNREFUSED") } });
    expect(body.discarded).toBe(true);
  });

  it.each([
    ["closes without a word", ""],
    ["closes within the head", "HTTP/1.1 200 OK\r\nX: "],
  ])("is unreachable when it %s", async (_name, bytes) => {
    expect(await answered(bytes, { closes: true })).toMatchObject({ error: { problem: "upstream_unreachable" } });
  });

  it.each([
    ["the first byte", {}, 30_000],
    ["the whole", { totalMs: 7_000 }, 7_000],
  ])("times out on %s, and the connection is closed", async (_name, timeouts, ms) => {
    const clock = new FakeClock();
    await using raw = await startRawUpstream(() => {});
    await using upstream = upstreamTo([raw.url], { clock, timeouts: { ...TIMEOUTS, ...timeouts } });
    const pending = upstream.send(requestTo("GET"), new CancelSource());
    while (raw.received() === "") await turn();
    clock.advance(ms - 1);
    clock.advance(1);
    expect(await pending).toMatchObject({ ok: false, error: { problem: "upstream_timeout" } });
    await new Promise((resolve) => raw.connections[0]?.once("close", resolve));
  });

  it("times out on interim responses without end", async () => {
    const clock = new FakeClock();
    await using raw = await startRawUpstream((socket) => socket.write("HTTP/1.1 102 P\r\n\r\n".repeat(100)));
    await using upstream = upstreamTo([raw.url], { clock });
    const pending = upstream.send(requestTo("GET"), new CancelSource());
    while (raw.received() === "") await turn();
    clock.advance(30_000);
    expect(await pending).toMatchObject({ error: { problem: "upstream_timeout" } });
  });

  it("breaks its body off when it falls silent, not when the reader rests", async () => {
    const clock = new FakeClock();
    await using raw = await startRawUpstream((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel"));
    await using upstream = upstreamTo([raw.url], { clock });
    const answer = await upstream.send(requestTo("GET"), new CancelSource());
    const sink = new RecordingSink(1);
    clock.advance(300_000);
    const flow = answer.ok && isStream(answer.value.body) ? answer.value.body.pipe(sink) : undefined;
    while (sink.byteCount < 3) await turn();
    clock.advance(300_000);
    expect(sink.endings).toBe(0);
    if (flow !== undefined) sink.feed(10, flow);
    clock.advance(120_000);
    expect(await sink.over).toMatchObject({ kind: "failed", cause: { problem: "upstream_timeout" } });
  });

  it("times out when it takes no more of the request", async () => {
    const clock = new FakeClock();
    await using raw = await startRawUpstream((socket) => socket.pause());
    await using upstream = upstreamTo([raw.url], { clock });
    const body = new HandStream();
    const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
    while (body.sink === undefined) await turn();
    for (let refused = 0; refused < 3; await turn()) if (!body.write("x".repeat(1024 * 1024))) refused += 1;
    clock.advance(130_000);
    expect(await pending).toMatchObject({ error: { problem: "upstream_timeout" } });
    expect(body.cancelled).toBe(true);
  });

  it("is not blamed for a client that is slow to send", async () => {
    const clock = new FakeClock();
    await using server = await startServer(async (request, response) => response.end(await readAll(request)));
    await using upstream = upstreamTo([server.url], { clock });
    const body = new HandStream();
    const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
    while (body.sink === undefined) await turn();
    body.write("hel");
    await turn();
    clock.advance(600_000);
    body.write("lo");
    body.sink.end();
    const answer = await pending;
    expect(answer.ok && (await textBody(answer.value.body))).toBe("hello");
  });
});

describe("a request body that fails on its way to an upstream", () => {
  it.each([
    ["stalls", new BodyFailure("request_timeout", "Too slow."), "request_timeout"],
    ["breaks off", new BodyFailure("client_closed", "Gone."), "bad_request"],
    ["grows too large", "over the limit", "bad_request"],
  ])("is the client's fault when it %s, and the connection is closed", async (_name, cause, problem) => {
    await using raw = await startRawUpstream(() => {});
    await using upstream = upstreamTo([raw.url]);
    const body = new HandStream(100);
    const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
    while (body.sink === undefined) await turn();
    body.write("hel");
    while (raw.received() === "") await turn();
    body.sink.fail(cause);
    expect(await pending).toMatchObject({ ok: false, error: { problem } });
    await new Promise((resolve) => raw.connections[0]?.once("close", resolve));
  });

  it.each([
    ["ends early", (body: HandStream) => body.sink?.end()],
    ["is longer", (body: HandStream) => body.write("x".repeat(200))],
  ])("is not forwarded as another length than declared: it %s", async (_name, hurt) => {
    await using raw = await startRawUpstream(() => {});
    await using upstream = upstreamTo([raw.url]);
    const body = new HandStream(100);
    const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
    while (body.sink === undefined) await turn();
    body.write("hel");
    while (raw.received() === "") await turn();
    hurt(body);
    expect(await pending).toMatchObject({ error: { problem: "bad_request" } });
    expect(raw.received().length).toBeLessThan(250);
  });
});

describe("a cancelled request to an upstream", () => {
  it("closes the connection while the response is awaited", async () => {
    await using raw = await startRawUpstream(() => {});
    await using upstream = upstreamTo([raw.url]);
    const cancel = new CancelSource();
    const pending = upstream.send(requestTo("GET"), cancel);
    while (raw.received() === "") await turn();
    const closed = new Promise((resolve) => raw.connections[0]?.once("close", resolve));
    cancel.abort();
    expect(await pending).toMatchObject({ ok: false });
    await closed;
  });

  it("closes it while the body streams, and tells the reader", async () => {
    await using raw = await startRawUpstream((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel"));
    await using upstream = upstreamTo([raw.url]);
    const cancel = new CancelSource();
    const answer = await upstream.send(requestTo("GET"), cancel);
    const sink = new RecordingSink();
    if (answer.ok && isStream(answer.value.body)) answer.value.body.pipe(sink);
    const closed = new Promise((resolve) => raw.connections[0]?.once("close", resolve));
    cancel.abort();
    expect(await sink.over).toMatchObject({ kind: "failed" });
    await closed;
  });

  it("is never sent when it was cancelled before", async () => {
    await using raw = await startRawUpstream(() => {});
    await using upstream = upstreamTo([raw.url]);
    const cancel = new CancelSource();
    cancel.abort();
    expect(await upstream.send(requestTo("GET"), cancel)).toMatchObject({ ok: false });
    expect(raw.connections).toHaveLength(0);
  });

  it("closes the connection when nobody reads the response", async () => {
    await using raw = await startRawUpstream((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel"));
    await using upstream = upstreamTo([raw.url], { maxRequests: 1 });
    const answer = await upstream.send(requestTo("GET"), new CancelSource());
    const closed = new Promise((resolve) => raw.connections[0]?.once("close", resolve));
    if (answer.ok && isStream(answer.value.body)) answer.value.body.discard();
    await closed;
    const cancel = new CancelSource();
    const next = upstream.send(requestTo("GET"), cancel);
    expect((await next).ok).toBe(true);
    cancel.abort();
  });
});

describe("closing an HTTP upstream", () => {
  it("lets requests under way finish and takes no further ones", async () => {
    const answers: (() => void)[] = [];
    await using server = await startServer((_request, response) => void answers.push(() => response.end("late")));
    const upstream = upstreamTo([server.url]);
    const pending = upstream.send(requestTo("GET"), new CancelSource());
    while (answers.length === 0) await turn();
    const closing = upstream[Symbol.asyncDispose]();
    expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({ error: { problem: "upstream_unreachable" } });
    answers[0]?.();
    const answer = await pending;
    expect(answer.ok && (await textBody(answer.value.body))).toBe("late");
    await closing;
  });
});
