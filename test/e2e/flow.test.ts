import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import { begin, whole } from "../support/http-client.ts";
import { oneRoute } from "../support/one-route.ts";
import { RawClient } from "../support/raw-http.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startStreamingUpstream } from "../support/start-streaming-upstream.ts";

const MIB = 1024 * 1024;

const gatewayTo = (url: string): Promise<TestGateway> =>
  startGateway({ config: oneRoute(url, { route: ", max_body_bytes: 1GiB" }) });

const exchangeLine = (gateway: TestGateway): ReturnType<TestGateway["lineWhere"]> =>
  gateway.lineWhere(({ event }) => event === "exchange");

/** The next piece a stream gives. */
async function piece(stream: AsyncIterator<Buffer>): Promise<string> {
  const { value, done } = await stream.next();
  return done === true ? "(end)" : value.toString("utf8");
}

const pieces = (message: IncomingMessage): AsyncIterator<Buffer> => message[Symbol.asyncIterator]() as AsyncIterator<Buffer>; // no encoding was set

/** Writes `total` bytes as fast as they are taken; counts what was. */
class Flood {
  takenBytes = 0;
  readonly #hash = createHash("sha256");
  readonly #stream: Writable;
  readonly #total: number;

  constructor(stream: Writable, total: number) {
    this.#stream = stream;
    this.#total = total;
  }

  /** Resolves with the hash of everything written, when the last byte was taken. */
  async run(): Promise<string> {
    const chunk = Buffer.alloc(64 * 1024);
    for (let index = 0; this.takenBytes < this.#total; index += 1) {
      chunk.writeUInt32BE(index);
      this.#hash.update(chunk);
      const wantsMore = this.#stream.write(Buffer.from(chunk));
      this.takenBytes += chunk.length;
      if (!wantsMore) await once(this.#stream, "drain");
    }
    this.#stream.end();
    return this.#hash.digest("hex");
  }

  /** Resolves when nothing was taken for a while: whoever reads has come to a rest. */
  async standstill(): Promise<number> {
    let before = -1;
    await vi.waitFor(
      () => {
        const now = this.takenBytes;
        const isStill = now === before;
        before = now;
        expect(isStill).toBe(true);
      },
      { timeout: 30_000, interval: 400 },
    );
    return this.takenBytes;
  }
}

async function hashOf(message: IncomingMessage): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of message) hash.update(chunk as Buffer); // no encoding was set
  return hash.digest("hex");
}

describe("bodies on their way", () => {
  it("flow in both directions at once, piece by piece", async () => {
    await using upstream = await startStreamingUpstream((request, response) => {
      response.writeHead(200);
      request.on("data", (chunk: Buffer) => response.write(`echo ${chunk.toString("utf8")}`));
      request.on("end", () => response.end("bye"));
    });
    await using gateway = await gatewayTo(upstream.url);
    const { request, response } = begin(gateway.url, { method: "POST" });
    request.write("one");
    const answer = pieces(await response);
    expect(await piece(answer)).toBe("echo one");
    for (const word of ["two", "three"]) {
      request.write(word);
      // would hang if either side waited for the end of the other's body
      expect(await piece(answer)).toBe(`echo ${word}`);
    }
    request.end();
    expect(await piece(answer)).toBe("bye");
    expect(await piece(answer)).toBe("(end)");
  });

  it("make the upstream wait for a client that does not read, and arrive whole when it does", async () => {
    const total = 64 * MIB;
    let flood: Flood | undefined;
    let sentHash: Promise<string> | undefined;
    await using upstream = await startStreamingUpstream((_request, response) => {
      response.writeHead(200, { "content-length": total });
      flood = new Flood(response, total);
      sentHash = flood.run();
    });
    await using gateway = await gatewayTo(upstream.url);
    const { request, response } = begin(gateway.url);
    request.end();
    const answer = await response;
    answer.pause();
    // what lies between are socket buffers, not the gateway's memory
    expect(await flood?.standstill()).toBeLessThan(total / 2);
    expect(await hashOf(answer)).toBe(await sentHash);
    expect(await exchangeLine(gateway)).toMatchObject({ status: 200, complete: true, response_bytes: total });
  });

  it("make the client wait for an upstream that does not read, and arrive whole when it does", async () => {
    const total = 64 * MIB;
    const received = Promise.withResolvers<IncomingMessage>();
    await using upstream = await startStreamingUpstream((request, response) => {
      request.pause();
      received.resolve(request);
      request.once("end", () => response.end("thanks"));
    });
    await using gateway = await gatewayTo(upstream.url);
    const { request, response } = begin(gateway.url, { method: "POST", headers: { "content-length": total } });
    const flood = new Flood(request, total);
    const sentHash = flood.run();
    const atUpstream = await received.promise;
    expect(await flood.standstill()).toBeLessThan(total / 2);
    expect(await hashOf(atUpstream)).toBe(await sentHash);
    expect((await whole(await response)).text).toBe("thanks");
  });

  it("of server-sent events pass event by event, unbuffered", async () => {
    let events: ServerResponse | undefined;
    await using upstream = await startStreamingUpstream((_request, response) => {
      events = response;
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
      response.flushHeaders();
    });
    await using gateway = await gatewayTo(upstream.url);
    const { request, response } = begin(gateway.url, { headers: { accept: "text/event-stream" } });
    request.end();
    const answer = await response;
    expect(answer.headers).toMatchObject({ "content-type": "text/event-stream", "cache-control": "no-cache" });
    expect(answer.headers["content-length"]).toBeUndefined();
    const stream = pieces(answer);
    for (const id of [1, 2, 3]) {
      events?.write(`id: ${id}\ndata: {"n":${id}}\n\n`);
      expect(await piece(stream)).toBe(`id: ${id}\ndata: {"n":${id}}\n\n`);
    }
    events?.end();
    expect(await piece(stream)).toBe("(end)");
    expect(await exchangeLine(gateway)).toMatchObject({ outcome: "forwarded", complete: true });
  });
});

describe("a client that leaves", () => {
  it("takes the upstream's request with it before there is an answer (C7)", async () => {
    const [arrived, hungUp] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using upstream = await startStreamingUpstream((_request, response) => {
      response.once("close", () => hungUp.resolve());
      arrived.resolve();
    });
    await using gateway = await gatewayTo(upstream.url);
    const { request } = begin(gateway.url);
    request.on("error", () => {});
    request.end();
    await arrived.promise;
    request.destroy();
    await hungUp.promise;
    expect(await exchangeLine(gateway)).toMatchObject({
      status: 499,
      outcome: "cancelled",
      decided_by: "client",
      complete: false,
    });
  });

  it("takes the upstream's response with it in the middle of one (C7)", async () => {
    const hungUp = Promise.withResolvers<boolean>();
    await using upstream = await startStreamingUpstream((_request, response) => {
      response.once("close", () => hungUp.resolve(response.writableEnded));
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
    });
    await using gateway = await gatewayTo(upstream.url);
    const { request, response } = begin(gateway.url);
    request.on("error", () => {});
    request.end();
    const answer = await response;
    answer.on("error", () => {});
    await once(answer, "data");
    request.destroy();
    expect(await hungUp.promise).toBe(false);
    expect(await exchangeLine(gateway)).toMatchObject({ status: 200, outcome: "cancelled", complete: false });
  });

  it("breaks the upstream's request off in the middle of its own: half a body is never taken for a whole one", async () => {
    const ended = Promise.withResolvers<string>();
    const began = Promise.withResolvers<void>();
    await using upstream = await startStreamingUpstream((request) => {
      request.once("data", () => began.resolve());
      request.once("end", () => ended.resolve("whole"));
      request.once("close", () => ended.resolve("broken off"));
    });
    await using gateway = await gatewayTo(upstream.url);
    const { request } = begin(gateway.url, { method: "POST" });
    request.on("error", () => {});
    request.write("half of it");
    await began.promise;
    request.destroy();
    expect(await ended.promise).toBe("broken off");
    await exchangeLine(gateway);
  });
});

describe("an upstream that breaks off in the middle of a response", () => {
  it.each([
    ["with a declared length", { "content-length": "100" }],
    ["with chunks", {}],
  ])("%s leaves the client with a broken response, not with a short one", async (_how, headers) => {
    await using upstream = await startStreamingUpstream((_request, response) => {
      response.writeHead(200, headers);
      response.write("the beginning", () => response.socket?.resetAndDestroy());
    });
    await using gateway = await gatewayTo(upstream.url);
    using client = await RawClient.connect(Number(new URL(gateway.url).port));
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await client.closed;
    // where the reset overtakes the head there is no response at all to pass on
    expect(client.received).toMatch(/^HTTP\/1\.1 (200|502) /);
    if (client.received.startsWith("HTTP/1.1 200")) expect(client.received).not.toMatch(/\r\n0\r\n\r\n$/);
    expect(await exchangeLine(gateway)).toMatchObject({ complete: client.received.startsWith("HTTP/1.1 502") });
  });
});
