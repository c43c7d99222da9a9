import { describe, expect, it } from "vitest";
import { isStream, type Flow } from "../../../../../src/model/byte-stream.ts";
import type { Response } from "../../../../../src/model/exchange.ts";
import { HeaderLines } from "../../../../../src/model/header-lines.ts";
import type { Received } from "../../../../../src/model/received.ts";
import { collect } from "../../../../../src/support/byte-streams.ts";
import { bytesOf, HandStream, RecordingSink } from "../../../../support/byte-flow.ts";
import { textResponse } from "../../../../support/inbound.ts";
import { get, sessionTo, startHttp2 as start, whole } from "../../../../support/inbound-http2.ts";
import { FLAG, FRAME, frame, headerBlock, RawHttp2, requestFields, word } from "../../../../support/raw-http2-client.ts";
import { turn } from "../../../../support/turn.ts";

/** Echoes the request body. */
async function echo({ body }: Received): Promise<Response> {
  if (!isStream(body)) return textResponse("no body");
  const collected = await collect(body, { maxBytes: 10_000_000 });
  return collected.kind === "complete" ? { ...textResponse(""), body: collected.bytes } : textResponse("broken", 400);
}

const answering = (response: Response) => (): Response => response;

describe("what HTTP/2 hands over", () => {
  it("is a body whose only frame is empty", async () => {
    await using inbound = await start(echo);
    using client = await RawHttp2.connect(inbound.port);
    client.send(
      frame(FRAME.headers, { flags: FLAG.endHeaders, stream: 1, payload: headerBlock(requestFields("/", [], "POST")) }),
      frame(FRAME.data, { flags: FLAG.endStream, stream: 1 }),
    );
    await client.until(() => client.frames.some(({ stream, flags }) => stream === 1 && (flags & FLAG.endStream) !== 0));
    expect(inbound.received[0]?.body).toBeDefined();
  });

  it("is a request's trailers, however late somebody reads its body", async () => {
    const seen: (readonly string[] | undefined)[] = [];
    await using inbound = await start(async ({ body }) => {
      for (let i = 0; i < 20; i += 1) await turn();
      const sink = new RecordingSink();
      if (isStream(body)) body.pipe(sink);
      await sink.over;
      seen.push(sink.trailers?.toRaw());
      return textResponse("ok");
    });
    using client = await RawHttp2.connect(inbound.port);
    client.send(
      frame(FRAME.headers, { flags: FLAG.endHeaders, stream: 1, payload: headerBlock(requestFields("/", [], "POST")) }),
      frame(FRAME.data, { stream: 1, payload: Buffer.from("x") }),
      frame(FRAME.headers, { flags: FLAG.endHeaders | FLAG.endStream, stream: 1, payload: headerBlock([["x-sum", "1"]]) }),
    );
    await client.until(() => client.of(FRAME.data, 1).length > 0);
    expect(seen).toEqual([["x-sum", "1"]]);
  });

  it("is nothing more of a request that was reset without an error, read or not, and its connection ends with its client", async () => {
    const pending = Promise.withResolvers<Response>();
    const sink = new RecordingSink(1);
    await using inbound = await start(({ body }, cancel) => {
      cancel.onAbort(() => pending.resolve(textResponse("late")));
      if (isStream(body)) body.pipe(sink).resume();
      return pending.promise;
    });
    using client = await RawHttp2.connect(inbound.port);
    const data = frame(FRAME.data, { stream: 1, payload: Buffer.alloc(10_000) });
    client.send(
      frame(FRAME.headers, { flags: FLAG.endHeaders, stream: 1, payload: headerBlock(requestFields("/", [], "POST")) }),
      data,
    );
    await expect.poll(() => sink.chunks.length).toBeGreaterThan(0);
    client.send(
      data,
      frame(FRAME.reset, { stream: 1, payload: word(0) }),
      frame(FRAME.goaway, { stream: 0, payload: Buffer.concat([word(0), word(0)]) }),
    );
    await expect.poll(() => inbound.sent).toHaveLength(1);
    await expect.poll(() => inbound.listener.connectionCount).toBe(0);
  });

  it("is a request as HTTP/1.1 has it: authority as Host, lines in order, a cookie's crumbs joined", async () => {
    await using inbound = await start(() => textResponse("ok"));
    using client = await RawHttp2.connect(inbound.port);
    const more = [
      ["x-b", "1"],
      ["cookie", "a=1"],
      ["x-a", "caf\xe9"],
      ["cookie", "b=2"],
      ["x-b", "2"],
    ] as const;
    client.request(1, requestFields("/p?q=%20", more));
    await client.until(() => client.of(FRAME.data, 1).length > 0);
    expect(inbound.received[0]?.headers.toRaw()).toEqual([
      "host",
      "localhost",
      "x-b",
      "1",
      "x-a",
      "caf\xe9",
      "x-b",
      "2",
      "cookie",
      "a=1; b=2",
    ]);
    expect(inbound.received[0]).toMatchObject({
      method: "GET",
      requestTarget: "/p?q=%20",
      scheme: "http",
      peerAddress: "127.0.0.1",
      body: undefined,
    });
  });

  it.each([
    ["a declared length", { "content-length": "5" }, 5],
    ["none", {}, undefined],
    ["none, and a value that speaks of it", { "access-control-request-headers": "content-length" }, undefined],
  ])("streams a body with %s", async (_name, headers, declared) => {
    await using inbound = await start(echo);
    using session = sessionTo(inbound.port);
    const stream = session.request({ ":path": "/", ":method": "POST", ...headers });
    stream.end("hello");
    expect((await whole(stream)).text).toBe("hello");
    expect(isStream(inbound.received[0]?.body) && inbound.received[0]?.body.declaredBytes).toBe(declared);
    expect(inbound.sent[0]).toMatchObject({ completed: true, requestBytes: 5 });
  });

  it("reads nothing of a body beyond its window before it is asked for, and stops when the reader does", async () => {
    const sink = new RecordingSink(1);
    const asked = Promise.withResolvers<Flow>();
    await using inbound = await start(async ({ body }) => {
      if (isStream(body)) asked.resolve(body.pipe(sink));
      await sink.over;
      return textResponse("done");
    });
    using session = sessionTo(inbound.port);
    const total = 4 * 1024 * 1024;
    const stream = session.request({ ":path": "/", ":method": "POST" });
    stream.end(Buffer.alloc(total));
    const flow = await asked.promise;
    await turn();
    expect(sink.byteCount).toBeLessThanOrEqual(128 * 1024);
    sink.feed(Number.POSITIVE_INFINITY, flow);
    expect((await whole(stream)).text).toBe("done");
    expect(sink.byteCount).toBe(total);
  });

  it("says 100 Continue when the body is asked for, and only then", async () => {
    await using inbound = await start(async (received) =>
      received.requestTarget === "/no" ? textResponse("no", 403) : echo(received),
    );
    using session = sessionTo(inbound.port);
    const stream = session.request({ ":path": "/", ":method": "POST", expect: "100-continue" });
    await new Promise((resolve) => stream.once("continue", resolve));
    stream.end("hello");
    expect((await whole(stream)).text).toBe("hello");

    const refused = session.request({ ":path": "/no", ":method": "POST", expect: "100-continue" });
    let continued = false;
    refused.once("continue", () => (continued = true));
    expect((await whole(refused)).head[":status"]).toBe(403);
    expect(continued).toBe(false);
  });
});

describe("a response over HTTP/2", () => {
  it("has neither a connection header nor one of HTTP/1.1's framing, and names in lower case", async () => {
    const headers = HeaderLines.of(
      ["X-Name", "v"],
      ["Connection", "close"],
      ["Keep-Alive", "timeout=5"],
      ["Transfer-Encoding", "chunked"],
      ["Set-Cookie", "a"],
      ["Set-Cookie", "b"],
    );
    await using inbound = await start(answering({ status: 200, headers, body: bytesOf("ok") }));
    using session = sessionTo(inbound.port);
    const { head, text } = await get(session);
    expect(Object.keys(head).toSorted()).toEqual([":status", "content-length", "date", "set-cookie", "x-name"]);
    expect([head["set-cookie"], head["content-length"], text]).toEqual([["a", "b"], "2", "ok"]);
    expect(inbound.sent).toEqual([{ bytes: 2, completed: true }]);
  });

  it.each([
    ["HEAD", { ":method": "HEAD" }, 200, "2"],
    ["204", {}, 204, undefined],
    ["304", {}, 304, "2"],
  ])("has no body for %s", async (_name, headers, status, length) => {
    await using inbound = await start(answering({ ...textResponse("ok"), status }));
    using session = sessionTo(inbound.port);
    const { head, text } = await get(session, headers);
    expect([head[":status"], head["content-length"], text]).toEqual([status, length, ""]);
    await expect.poll(() => inbound.sent).toEqual([{ bytes: 0, completed: true }]);
    // the connection goes on
    expect((await get(session, headers)).head[":status"]).toBe(status);
  });

  it("streams at the pace of whoever reads it", async () => {
    const source = new HandStream();
    await using inbound = await start(answering({ status: 200, headers: HeaderLines.EMPTY, body: source }));
    using client = await RawHttp2.connect(inbound.port);
    client.request(1);
    await expect.poll(() => source.sink).toBeDefined();
    const piece = "x".repeat(16 * 1024);
    let pieces = 0;
    const pump = async (): Promise<void> => {
      while (pieces < 40) {
        pieces += 1;
        const resumed = source.resumed;
        if (!source.write(piece)) await expect.poll(() => source.resumed, { interval: 1 }).toBeGreaterThan(resumed);
      }
    };
    const pumping = pump();
    await client.until(() => bodyBytes(client) === 65_535);
    await turn();
    expect(pieces).toBeLessThan(14);
    const grow = (stream: number): Buffer => frame(FRAME.windowUpdate, { stream, payload: word(1024 * 1024) });
    client.send(grow(0), grow(1));
    await pumping;
    source.sink?.end();
    await client.until(() => (client.of(FRAME.data, 1).at(-1)?.flags ?? 0) === FLAG.endStream);
    expect(bodyBytes(client)).toBe(40 * piece.length);
    await expect.poll(() => inbound.sent).toEqual([{ bytes: 40 * piece.length, completed: true }]);
  });

  it("is reset where its body breaks off, so that nobody takes part of it for all", async () => {
    const source = new HandStream();
    await using inbound = await start(answering({ status: 200, headers: HeaderLines.EMPTY, body: source }));
    using session = sessionTo(inbound.port);
    const answer = get(session);
    await expect.poll(() => source.sink).toBeDefined();
    source.write("part");
    source.sink?.fail("the upstream went away");
    await expect(answer).rejects.toThrow(/NGHTTP2_INTERNAL_ERROR/);
    expect(inbound.sent).toMatchObject([{ bytes: 4, completed: false, bodyBroke: true }]);
  });

  it("may be whole before its request is: the client is told to send no more", async () => {
    await using inbound = await start(() => textResponse("enough", 413));
    using client = await RawHttp2.connect(inbound.port);
    const payload = headerBlock(requestFields("/", [], "POST"));
    client.send(frame(FRAME.headers, { flags: FLAG.endHeaders, stream: 1, payload }));
    client.send(frame(FRAME.data, { stream: 1, payload: Buffer.alloc(1000) }));
    await client.until(() => client.resetOf(1) !== undefined);
    expect(Buffer.concat(client.of(FRAME.data, 1).map(({ payload }) => payload)).toString()).toBe("enough");
    expect(client.resetOf(1)).toBe(0);
    expect(inbound.sent).toMatchObject([{ completed: true }]);
  });

  it("of a header that cannot be written becomes a failure of ours, not another response", async () => {
    const headers = HeaderLines.fromRaw(["x-bad", "a\r\nb: c"]);
    await using inbound = await start(answering({ status: 200, headers, body: undefined }));
    using session = sessionTo(inbound.port);
    expect((await get(session)).head[":status"]).toBe(500);
  });
});

describe("a client that resets a request", () => {
  it("cancels its exchange, and no other of the connection", async () => {
    const cancelled: string[] = [];
    const slow = Promise.withResolvers<Response>();
    await using inbound = await start(({ requestTarget }, cancel) => {
      cancel.onAbort(() => cancelled.push(requestTarget));
      return slow.promise;
    });
    using client = await RawHttp2.connect(inbound.port);
    client.request(1, requestFields("/one"));
    client.request(3, requestFields("/two"));
    await expect.poll(() => inbound.received).toHaveLength(2);
    client.send(frame(FRAME.reset, { stream: 1, payload: word(8) }));
    await expect.poll(() => cancelled).toEqual(["/one"]);
    slow.resolve(textResponse("done"));
    await client.until(() => client.of(FRAME.data, 3).length > 0);
    expect(inbound.sent).toContainEqual({ bytes: 0, completed: false });
    expect(cancelled).toEqual(["/one"]);
  });

  it.each([
    ["closes the connection", (client: RawHttp2) => void client.socket.end()],
    ["cuts it", (client: RawHttp2) => void client.socket.resetAndDestroy()],
  ])("or %s cancels what is under way", async (_name, leave) => {
    const cancelled = Promise.withResolvers<Response>();
    await using inbound = await start((_received, cancel) => {
      cancel.onAbort(() => cancelled.resolve(textResponse("nobody is there")));
      return cancelled.promise;
    });
    using client = await RawHttp2.connect(inbound.port);
    client.request(1);
    await expect.poll(() => inbound.received).toHaveLength(1);
    leave(client);
    await cancelled.promise;
    await expect.poll(() => inbound.sent).toEqual([{ bytes: 0, completed: false }]);
    await expect.poll(() => inbound.listener.connectionCount).toBe(0);
  });

  it("breaks its body off", async () => {
    const sink = new RecordingSink();
    await using inbound = await start(async ({ body }) => {
      if (isStream(body)) body.pipe(sink);
      await sink.over;
      return textResponse("too late");
    });
    using client = await RawHttp2.connect(inbound.port);
    const payload = headerBlock(requestFields("/", [], "POST"));
    client.send(frame(FRAME.headers, { flags: FLAG.endHeaders, stream: 1, payload }));
    client.send(frame(FRAME.data, { stream: 1, payload: Buffer.from("part") }));
    await expect.poll(() => sink.text).toBe("part");
    client.send(frame(FRAME.reset, { stream: 1, payload: word(8) }));
    expect(await sink.over).toMatchObject({ kind: "failed", cause: { problem: "client_closed" } });
  });
});

describe("requests of one connection", () => {
  it("run beside each other", async () => {
    const first = Promise.withResolvers<Response>();
    await using inbound = await start(({ requestTarget }) =>
      requestTarget === "/first" ? first.promise : textResponse("second"),
    );
    using session = sessionTo(inbound.port);
    const slow = get(session, { ":path": "/first" });
    expect((await get(session, { ":path": "/second" })).text).toBe("second");
    first.resolve(textResponse("first"));
    expect((await slow).text).toBe("first");
  });

  it("are a hundred at most", async () => {
    const never = Promise.withResolvers<Response>();
    await using inbound = await start(() => never.promise);
    using client = await RawHttp2.connect(inbound.port);
    await client.until(() => client.of(FRAME.settings).length > 1);
    for (let i = 0; i < 100; i += 1) client.request(2 * i + 1);
    await expect.poll(() => inbound.received.length).toBe(100);
    client.request(201);
    await client.until(() => client.goaway !== undefined);
    // PROTOCOL_ERROR: it was told, and said that it knows
    expect(client.goaway).toBe(1);
    expect(inbound.received).toHaveLength(100);
    never.resolve(textResponse("ok"));
  });
});

const bodyBytes = (client: RawHttp2): number =>
  client.of(FRAME.data, 1).reduce((bytes, { payload }) => bytes + payload.byteLength, 0);
