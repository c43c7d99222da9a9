import { describe, expect, it } from "vitest";
import { isStream } from "../../../../src/model/byte-stream.ts";
import { CancelSource } from "../../../../src/model/cancel.ts";
import { bytesStream } from "../../../../src/support/byte-streams.ts";
import { bytesOf, HandStream, RecordingSink } from "../../../support/byte-flow.ts";
import { startRawUpstream } from "../../../support/raw-upstream.ts";
import { turn } from "../../../support/turn.ts";
import { answered, readAll, requestTo, startServer, textBody, upstreamTo } from "../../../support/upstream.ts";

describe("what an HTTP upstream sends", () => {
  it("is the method, target and lines it was given, in order, with framing of its own", async () => {
    await using raw = await startRawUpstream((socket) => socket.write("HTTP/1.1 204 x\r\n\r\n"));
    await using upstream = upstreamTo([raw.url]);
    const lines = [
      ["X-B", "1"],
      ["x-a", "caf\xe9"],
      ["X-B", "2"],
      ["content-length", "99"],
      ["connection", "close"],
    ] as const;
    await upstream.send(requestTo("DELETE", "/a%2Fb?q=1&q=%20", undefined, ...lines), new CancelSource());
    expect(raw.received()).toBe(
      "DELETE /a%2Fb?q=1&q=%20 HTTP/1.1\r\nhost: api.test\r\nconnection: keep-alive\r\nX-B: 1\r\nx-a: caf\xe9\r\nX-B: 2\r\n\r\n",
    );
  });

  it.each([
    ["bytes", bytesOf("hello"), "5"],
    ["a stream of known length", bytesStream([bytesOf("he"), bytesOf("llo")]), "5"],
    [
      "a stream of unknown length that is all there",
      { ...bytesStream([bytesOf("he"), bytesOf("llo")]), declaredBytes: undefined },
      "5",
    ],
  ])("frames %s by its length", async (_name, body, length) => {
    await using server = await startServer(async (request, response) => {
      response.end(
        JSON.stringify([await readAll(request), request.headers["content-length"], request.headers["transfer-encoding"]]),
      );
    });
    await using upstream = upstreamTo([server.url]);
    const answer = await upstream.send(requestTo("POST", "/", body), new CancelSource());
    expect(answer.ok && JSON.parse(await textBody(answer.value.body))).toEqual(["hello", length, null]);
  });

  it("frames a stream of unknown length in chunks", async () => {
    await using server = await startServer(async (request, response) =>
      response.end(`${await readAll(request)} ${request.headers["transfer-encoding"]}`),
    );
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
    expect(await upstream.send(requestTo("POST", "/", body), new CancelSource())).toMatchObject({
      ok: false,
      error: { problem: "upstream_overloaded" },
    });
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
    expect(await upstream.send(requestTo("GET", "/", undefined, line), new CancelSource())).toMatchObject({
      ok: false,
      error: { problem: "bad_request" },
    });
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
    expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({
      error: { problem: "upstream_invalid_response" },
    });
    await turn();
    expect(requests).toBe(2);
  });
});

describe("a response of an HTTP upstream", () => {
  it("keeps its lines as they came: order, repetition, spelling, bytes above ASCII", async () => {
    const answer = await answered(
      "HTTP/1.1 203 Odd\r\nSet-Cookie: a=1\r\nX-N:  caf\xe9 \r\nset-cookie: b=2\r\nContent-Length: 2\r\n\r\nok",
    );
    expect(answer).toMatchObject({ ok: true, text: "ok", value: { status: 203 } });
    expect(answer.ok && answer.value.headers.toRaw()).toEqual([
      "Set-Cookie",
      "a=1",
      "X-N",
      "caf\xe9",
      "set-cookie",
      "b=2",
      "Content-Length",
      "2",
    ]);
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
    [
      "100-less interim ones",
      "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
      false,
    ],
    [
      "chunks with extensions and trailers",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
      false,
    ],
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
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n${requests === 1 ? "okHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil" : "ok"}`,
      );
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
