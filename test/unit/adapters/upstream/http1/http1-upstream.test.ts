import { createHash, randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { http1Endpoints } from "../../../../../src/adapters/upstream/http1/http1-endpoints.ts";
import { isStream, type Body } from "../../../../../src/model/byte-stream.ts";
import { CancelSource } from "../../../../../src/model/cancel.ts";
import type { Upstream } from "../../../../../src/ports/upstream.ts";
import { bytesOf, HandStream, RecordingSink } from "../../../../support/byte-flow.ts";
import { FakeClock } from "../../../../support/fake-clock.ts";
import { startRawUpstream } from "../../../../support/raw-upstream.ts";
import { turn } from "../../../../support/turn.ts";
import { opening, readAll, requestTo, startServer, textBody, TIMEOUTS } from "../../../../support/upstream.ts";

const upstreamTo = opening(http1Endpoints);

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

async function get(upstream: Upstream): Promise<string> {
  const answer = await upstream.send(requestTo("GET"), new CancelSource());
  return answer.ok ? textBody(answer.value.body) : answer.error.problem;
}

/** Until the upstream has read what the client was going to do. */
const settled = async (): Promise<void> => {
  for (let i = 0; i < 20; i += 1) await turn();
};

describe("a connection of our HTTP/1.1 client", () => {
  it("is used again, the last used first", async () => {
    await using raw = await startRawUpstream((socket) => socket.write(OK));
    await using upstream = upstreamTo([raw.url]);
    expect(await Promise.all([get(upstream), get(upstream), get(upstream)])).toEqual(["ok", "ok", "ok"]);
    const ports = new Set<number | undefined>();
    for (const socket of raw.connections) socket.on("data", () => ports.add(socket.remotePort));
    for (let i = 0; i < 5; i += 1) expect(await get(upstream)).toBe("ok");
    expect(raw.connections).toHaveLength(3);
    expect(ports.size).toBe(1);
  });

  it.each([
    ["said that it closes", "HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 2\r\n\r\nok"],
    ["speaks HTTP/1.0", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\ncontent-length: 2\r\n\r\nok"],
    ["keeps it for no time worth it", "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\ncontent-length: 2\r\n\r\nok"],
    ["sent more than the response", `${OK}\r\n`],
  ])("is closed and not used again when the upstream %s", async (_name, bytes) => {
    await using raw = await startRawUpstream((socket) => socket.write(bytes));
    await using upstream = upstreamTo([raw.url]);
    expect(await get(upstream)).toBe("ok");
    await new Promise((resolve) => raw.connections[0]?.once("close", resolve));
    expect(await get(upstream)).toBe("ok");
    expect(raw.connections).toHaveLength(2);
  });

  it.each([
    ["bytes came on it", (socket: Socket) => void socket.write(OK)],
    ["it was closed", (socket: Socket) => void socket.end()],
    ["it was reset", (socket: Socket) => void socket.resetAndDestroy()],
  ])("is never used again when %s while nobody used it", async (_name, hurt) => {
    await using raw = await startRawUpstream((socket) => socket.write(OK));
    await using upstream = upstreamTo([raw.url]);
    expect(await get(upstream)).toBe("ok");
    const [socket] = raw.connections;
    if (socket !== undefined) hurt(socket);
    // a request waits for what its own turn of the event loop brings
    await turn();
    expect(await get(upstream)).toBe("ok");
    expect(raw.connections).toHaveLength(2);
  });

  it.each([
    ["as long as configured", OK, 60_000],
    [
      "a second less than the upstream says it keeps it",
      `HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=9\r\ncontent-length: 2\r\n\r\nok`,
      4_000,
    ],
  ])("is kept idle %s", async (_name, bytes, ms) => {
    const clock = new FakeClock();
    await using raw = await startRawUpstream((socket) => socket.write(bytes));
    await using upstream = upstreamTo([raw.url], { clock });
    expect(await get(upstream)).toBe("ok");
    const isClosed = (): boolean => raw.connections[0]?.closed === true;
    clock.advance(ms - 1);
    await settled();
    expect(isClosed()).toBe(false);
    clock.advance(1);
    while (!isClosed()) await turn();
    expect(clock.pending).toBe(0);
  });

  it("is given up when the response is complete before the request", async () => {
    await using raw = await startRawUpstream((socket) => socket.write(OK));
    await using upstream = upstreamTo([raw.url]);
    const body = new HandStream(100);
    const answer = await upstream.send(requestTo("POST", "/", body), new CancelSource());
    expect(answer.ok && (await textBody(answer.value.body))).toBe("ok");
    expect(body.cancelled).toBe(true);
    expect(await get(upstream)).toBe("ok");
    expect(raw.connections).toHaveLength(2);
  });

  it("is not used again when the response began before the request was whole, even if both end well", async () => {
    await using raw = await startRawUpstream((socket, received) => {
      if (received.includes("GET ")) socket.write(OK);
      else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no");
    });
    await using upstream = upstreamTo([raw.url]);
    const body = new HandStream(5);
    const answer = await upstream.send(requestTo("POST", "/", body), new CancelSource());
    body.write("hello");
    body.sink?.end();
    while (!raw.received().endsWith("hello")) await turn();
    // a server that answered without reading takes the rest for the next request, whose answer comes with this end or behind it
    raw.connections[0]?.write("k");
    expect(answer.ok && (await textBody(answer.value.body))).toBe("ok");
    expect(await get(upstream)).toBe("ok");
    expect(raw.connections).toHaveLength(2);
  });
});

describe("a request that meets a connection the upstream has just reset", () => {
  /** Resets the free connection between the moment the request comes and the moment it is written. */
  async function sendOverReset(method: string, body?: Body) {
    let heads = 0;
    await using raw = await startRawUpstream((socket) => {
      heads += 1;
      socket.write(OK);
    });
    await using upstream = upstreamTo([raw.url]);
    expect(await get(upstream)).toBe("ok");
    setImmediate(() => raw.connections[0]?.resetAndDestroy());
    const answer = await upstream.send(requestTo(method, "/", body), new CancelSource());
    await settled();
    return { answer, heads, connections: raw.connections.length };
  }

  it.each([["GET"], ["HEAD"], ["OPTIONS"], ["PUT"], ["DELETE"]])(
    "is written to a new one, once, where the kernel took nothing of it: %s without a body",
    async (method) => {
      expect(await sendOverReset(method)).toMatchObject({ answer: { ok: true }, heads: 2, connections: 2 });
    },
  );

  it.each([
    ["POST", undefined],
    ["PATCH", undefined],
    ["PUT", bytesOf("x")],
  ])("fails otherwise, as one that may have been acted on: %s", async (method, body) => {
    expect(await sendOverReset(method, body)).toMatchObject({
      answer: { ok: false, error: { problem: "upstream_invalid_response" } },
      heads: 1,
      connections: 1,
    });
  });
});

describe("what our HTTP/1.1 client writes", () => {
  it("is head and body in one piece", async () => {
    const pieces: string[] = [];
    await using raw = await startRawUpstream((socket, received) => {
      pieces.push(received);
      socket.write(OK);
    });
    await using upstream = upstreamTo([raw.url]);
    await upstream.send(requestTo("POST", "/", bytesOf("hello")), new CancelSource());
    expect(pieces).toEqual(["POST / HTTP/1.1\r\nhost: api.test\r\ncontent-length: 5\r\n\r\nhello"]);
  });

  it("says that there is no body where one is usual", async () => {
    await using raw = await startRawUpstream((socket) => socket.write(OK));
    await using upstream = upstreamTo([raw.url]);
    await upstream.send(requestTo("POST"), new CancelSource());
    expect(raw.received()).toBe("POST / HTTP/1.1\r\nhost: api.test\r\ncontent-length: 0\r\n\r\n");
  });

  it("keeps the pieces of a body of unknown length, each as a chunk, and no empty one", async () => {
    await using raw = await startRawUpstream((socket, received) => {
      if (received.endsWith("0\r\n\r\n")) socket.write(OK);
    });
    await using upstream = upstreamTo([raw.url]);
    const body = new HandStream();
    const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
    while (body.sink === undefined) await turn();
    for (const piece of ["he", "", "l".repeat(17)]) body.write(piece);
    body.sink.end();
    expect((await pending).ok).toBe(true);
    expect(raw.received()).toBe(
      "POST / HTTP/1.1\r\nhost: api.test\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n11\r\n" +
        `${"l".repeat(17)}\r\n0\r\n\r\n`,
    );
  });

  it("is a large body whole, as fast as the upstream takes it", async () => {
    await using server = await startServer(async (request, response) => response.end(hash(await readAll(request))));
    await using upstream = upstreamTo([server.url]);
    const text = randomBytes(3_000_000).toString("hex");
    const answer = await upstream.send(requestTo("PUT", "/", bytesOf(text)), new CancelSource());
    expect(answer.ok && (await textBody(answer.value.body))).toBe(hash(text));
  });
});

describe("what our HTTP/1.1 client reads", () => {
  it("is the reader's to keep, however large and however many at once", async () => {
    const bodies = Array.from({ length: 8 }, (_, i) => randomBytes(i % 2 === 0 ? 700_000 : 900));
    await using server = await startServer((request, response) => response.end(bodies[Number(request.url?.slice(1))]));
    await using upstream = upstreamTo([server.url]);
    const sinks = await Promise.all(
      bodies.map(async (_, i) => {
        const answer = await upstream.send(requestTo("GET", `/${i}`), new CancelSource());
        const sink = new RecordingSink();
        if (answer.ok && isStream(answer.value.body)) answer.value.body.pipe(sink);
        await sink.over;
        return sink;
      }),
    );
    expect(sinks.map((sink) => hash(Buffer.concat(sink.chunks)))).toEqual(bodies.map(hash));
  });

  it("goes on on the same connection behind a reader that rested", async () => {
    const body = Buffer.alloc(200_000, "x");
    await using server = await startServer((_request, response) => response.end(body));
    await using upstream = upstreamTo([server.url]);
    let connections = 0;
    server.server.on("connection", () => (connections += 1));
    for (let i = 0; i < 3; i += 1) {
      const answer = await upstream.send(requestTo("GET"), new CancelSource());
      const sink = new RecordingSink(1);
      const flow = answer.ok && isStream(answer.value.body) ? answer.value.body.pipe(sink) : undefined;
      await settled();
      if (flow !== undefined) sink.feed(Number.POSITIVE_INFINITY, flow);
      await sink.over;
      expect(sink.byteCount).toBe(body.byteLength);
    }
    expect(connections).toBe(1);
  });
});

describe("disposing our HTTP/1.1 client", () => {
  it("closes free connections at once and gives up on what takes longer than half a minute", async () => {
    const clock = new FakeClock();
    const heads: string[] = [];
    await using raw = await startRawUpstream((socket, received) => {
      if (heads.push(received) < 3) socket.write(OK);
    });
    const upstream = upstreamTo([raw.url], { clock, timeouts: { ...TIMEOUTS, firstByteMs: 60_000 } });
    await Promise.all([get(upstream), get(upstream)]);
    const pending = get(upstream);
    while (heads.length < 3) await turn();
    const disposed = upstream[Symbol.asyncDispose]();
    await new Promise((resolve) => raw.connections.map((socket) => socket.once("close", resolve)));
    clock.advance(30_000);
    await disposed;
    expect(await pending).toBe("upstream_invalid_response");
    expect(clock.pending).toBe(0);
  });
});

const hash = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");
