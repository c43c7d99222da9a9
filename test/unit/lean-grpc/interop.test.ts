import { once } from "node:events";
import {
  connect as connectHttp2,
  createServer as createHttp2,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { Channel, Client, credentials, Metadata, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { PREFACE, SETTING, settingsFrame } from "@sallyport/lean-grpc/frame.ts";
import { HpackDecoder } from "@sallyport/lean-grpc/hpack-decoder.ts";
import { unaryCall } from "../../../src/adapters/review/unary-call.ts";
import { leanChannel, leanServer, scriptedServer } from "./support.ts";

const asIs = (bytes: Buffer): Buffer => bytes;
const RAW = { requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };

describe("our client and the service of another implementation", () => {
  async function grpcJs(): Promise<{ readonly port: number } & Disposable> {
    const server = new Server({ "grpc.max_receive_message_length": 32 * 1024 * 1024 });
    server.addService(
      {
        Echo: { path: "/t.T/Echo", requestStream: false, responseStream: false, ...RAW },
        Fail: { path: "/t.T/Fail", requestStream: false, responseStream: false, ...RAW },
        Count: { path: "/t.T/Count", requestStream: false, responseStream: true, ...RAW },
      },
      {
        Echo: (call: { request: Buffer }, done: (error: null, answer: Buffer) => void) => done(null, call.request),
        Fail: (_call: unknown, done: (error: object) => void) =>
          done({ code: status.FAILED_PRECONDITION, details: "100 % wrong: größer\nzweite Zeile" }),
        Count: (call: { write(bytes: Buffer): void; end(): void }) => {
          for (let index = 0; index < 20; index += 1) call.write(Buffer.alloc(50_000, index));
          call.end();
        },
      },
    );
    const port = await new Promise<number>((resolve) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (_error, bound) => resolve(bound)),
    );
    return { port, [Symbol.dispose]: () => server.forceShutdown() };
  }

  it("exchange messages of every size, two hundred at once, each with its own answer", async () => {
    using service = await grpcJs();
    using client = leanChannel(service.port, { maxMessageBytes: 8 * 1024 * 1024 });
    const sizes = [0, 1, 16_379, 16_384, 65_536, 1_000_000];
    for (const size of sizes)
      expect(await client.call("/t.T/Echo", Buffer.alloc(size, 7))).toEqual({ kind: "reply", bytes: Buffer.alloc(size, 7) });
    const many = await Promise.all(
      Array.from({ length: 200 }, (_, index) => client.call("/t.T/Echo", Buffer.from(`message ${index}`))),
    );
    expect(many.map((outcome) => (outcome.kind === "reply" ? outcome.bytes.toString() : outcome.kind))).toEqual(
      Array.from({ length: 200 }, (_, index) => `message ${index}`),
    );
  });

  it("understand its status and its words", async () => {
    using service = await grpcJs();
    using client = leanChannel(service.port);
    expect(await client.call("/t.T/Fail")).toEqual({
      kind: "status",
      status: { code: status.FAILED_PRECONDITION, details: "100 % wrong: größer\nzweite Zeile" },
    });
    expect(await client.call("/t.T/Nobody")).toMatchObject({ kind: "status", status: { code: status.UNIMPLEMENTED } });
  });

  it("stream more than every window, message by message", async () => {
    using service = await grpcJs();
    using client = leanChannel(service.port, { maxMessageBytes: 60_000 });
    const read: number[] = [];
    const end = await new Promise((resolve) =>
      client.channel.stream(
        { method: "/t.T/Count", message: Buffer.alloc(0), metadata: [] },
        { onMessage: (bytes) => read.push(bytes[0] ?? -1), onEnd: resolve },
      ),
    );
    expect(end).toMatchObject({ code: 0 });
    expect(read).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  it("end a call whose answer is above our limit, and go on with the next", async () => {
    using service = await grpcJs();
    using client = leanChannel(service.port, { maxMessageBytes: 1000 });
    expect(await client.call("/t.T/Echo", Buffer.alloc(1001))).toMatchObject({ status: { cause: "own-limit" } });
    expect(await client.call("/t.T/Echo", Buffer.alloc(1000))).toMatchObject({ kind: "reply" });
  });

  it("read what nghttp2 writes, whatever the header fields hold", async () => {
    const block = new HpackDecoder({ tableBytes: 4096, maxListBytes: 1_000_000 });
    const read: Record<string, string>[] = [];
    using server = await scriptedServer((head, payload, socket) => {
      if (head.type === 4 && (head.flags & 1) === 0) socket.write(settingsFrame([[SETTING.MAX_CONCURRENT_STREAMS, 1000]]));
      if (head.type === 1) read.push(Object.fromEntries(block.decode((head.flags & 0x20) === 0 ? payload : payload.subarray(5))));
    }, PREFACE.length);
    const session = connectHttp2(`http://127.0.0.1:${server.port}`);
    session.on("error", () => {});
    const sent = Array.from({ length: 60 }, (_, index) => ({
      ":path": `/${index}`,
      [`x-${index % 7}`]: Array.from({ length: 40 }, (_, place) =>
        String.fromCharCode(0x21 + ((index * 31 + place * 7) % 94)),
      ).join(""),
      // every byte a header value may hold, a few at a time
      "x-high": String.fromCharCode(...Array.from({ length: 4 }, (_, place) => 0xa1 + ((index * 4 + place) % 94))),
    }));
    for (const headers of sent) session.request(headers).on("error", () => {});
    await expect.poll(() => read.length).toBe(sent.length);
    for (const [index, headers] of sent.entries()) expect(read[index]).toMatchObject(headers);
    session.destroy();
  });

  it("write what nghttp2 reads, whatever the metadata holds and whatever table it gives", async () => {
    for (const headerTableSize of [0, 100, 4096, 65_536]) {
      const read: IncomingHttpHeaders[] = [];
      const server = createHttp2({ settings: { headerTableSize } });
      server.on("stream", (stream: ServerHttp2Stream, headers) => {
        read.push(headers);
        stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "5" }, { endStream: true });
        stream.resume();
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      // a server bound to an address has one
      using client = leanChannel((server.address() as AddressInfo).port);
      const sent = Array.from({ length: 30 }, (_, index) => ({
        // the same again and again, other values of the same name, larger than the table
        method: `/t.T/M${index % 3}`,
        metadata: [
          ["authorization", `Bearer ${"x".repeat(1 + (index % 4) * 90)}`],
          [
            `x-${index % 5}`,
            String.fromCharCode(...Array.from({ length: 40 }, (_char, place) => 0x21 + ((index * 31 + place * 7) % 94))),
          ],
          ["x-large", "y".repeat(index % 6 === 0 ? 5_000 : 10)],
        ] as const,
      }));
      for (const { method, metadata } of sent) {
        const outcome = await new Promise((resolve) =>
          client.channel.unary({ method, message: Buffer.alloc(3), metadata }, 1000 + read.length, resolve),
        );
        expect(outcome).toMatchObject({ status: { code: 5 } });
      }
      for (const [index, { method, metadata }] of sent.entries())
        expect(read[index]).toMatchObject({
          ":path": method,
          "grpc-timeout": `${1000 + index}m`,
          ...Object.fromEntries(metadata),
        });
      server.close();
    }
  });

  it("reach a service on Node's own HTTP/2, with interim headers, padding and trailers of its own", async () => {
    const server = createHttp2({ paddingStrategy: 1 });
    server.on("stream", (stream: ServerHttp2Stream) => {
      stream.additionalHeaders({ ":status": 103 });
      stream.respond({ "content-type": "application/grpc+proto", "x-more": "1" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "x-last": "2" }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 0x68, 0x69]));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    // a server bound to an address has one
    using client = leanChannel((server.address() as AddressInfo).port);
    expect(await client.call("/t.T/Hi")).toEqual({ kind: "reply", bytes: Buffer.from("hi") });
    server.close();
  });
});

describe("our server and the client of another implementation", () => {
  const echo = { "/t.T/Echo": (call: { answer(bytes: Uint8Array): void }, message: Buffer) => call.answer(message) };

  it("exchange messages of every size, many at once", async () => {
    using service = await leanServer(echo);
    const channel = new Channel(`ipv4:127.0.0.1:${service.port}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
    });
    const call = (message: Buffer): Promise<unknown> =>
      new Promise((resolve) =>
        unaryCall(channel, { method: "/t.T/Echo", message, metadata: new Metadata(), deadlineMs: Date.now() + 5_000 }, resolve),
      );
    for (const size of [0, 1, 3_900, 4_096, 16_384, 65_536, 1_000_000])
      expect(await call(Buffer.alloc(size, 7))).toEqual({ kind: "reply", bytes: Buffer.alloc(size, 7) });
    const many = await Promise.all(Array.from({ length: 200 }, (_, index) => call(Buffer.from(`message ${index}`))));
    expect(many).toEqual(Array.from({ length: 200 }, (_, index) => ({ kind: "reply", bytes: Buffer.from(`message ${index}`) })));
    channel.close();
  });

  it("answer with a status and words that survive, tell of methods nobody has, and of messages above the limit", async () => {
    using service = await leanServer(
      { "/t.T/Fail": (call) => call.end({ code: 9, details: "100 % wrong: größer\nzweite Zeile" }), ...echo },
      { limits: { maxStreams: 10, maxMessageBytes: 1000 } },
    );
    const client = new Client(`127.0.0.1:${service.port}`, credentials.createInsecure());
    const code = (method: string, message: Buffer): Promise<unknown> =>
      new Promise((resolve) =>
        client.makeUnaryRequest(method, asIs, asIs, message, (error) => resolve([error?.code, error?.details])),
      );
    expect(await code("/t.T/Fail", Buffer.alloc(0))).toEqual([9, "100 % wrong: größer\nzweite Zeile"]);
    expect(await code("/t.T/Nobody", Buffer.alloc(0))).toContain(status.UNIMPLEMENTED);
    expect(await code("/t.T/Echo", Buffer.alloc(1001))).toContain(status.RESOURCE_EXHAUSTED);
    client.close();
  });

  it("stream behind a slow reader without losing a byte or their order, and hear of a client that gives up", async () => {
    const cancelled = Promise.withResolvers<void>();
    using service = await leanServer({
      "/t.T/Count": (call) => {
        for (let index = 0; index < 40; index += 1) call.send(Buffer.alloc(50_000 + index, index));
        call.end({ code: 0, details: "" });
      },
      "/t.T/Never": (call) => {
        call.begin();
        call.onCancel(() => cancelled.resolve());
      },
    });
    const client = new Client(`127.0.0.1:${service.port}`, credentials.createInsecure());
    const counted = client.makeServerStreamRequest("/t.T/Count", asIs, asIs, Buffer.alloc(0));
    const messages: Buffer[] = [];
    for await (const message of counted as AsyncIterable<Buffer>) messages.push(message);
    expect(messages.map((message) => [message[0], message.length])).toEqual(
      Array.from({ length: 40 }, (_, index) => [index, 50_000 + index]),
    );
    const never = client.makeServerStreamRequest("/t.T/Never", asIs, asIs, Buffer.alloc(0));
    never.on("error", () => {});
    await once(never, "metadata");
    never.cancel();
    await cancelled.promise;
    client.close();
  });

  it("see a request's metadata and time, and drain without losing a call", async () => {
    const seen: unknown[] = [];
    const held: (() => void)[] = [];
    using service = await leanServer({
      "/t.T/Hold": (call, message) => {
        seen.push([call.field("authorization"), Math.round((call.timeMs ?? 0) / 1000)]);
        held.push(() => call.answer(message));
      },
    });
    const client = new Client(`127.0.0.1:${service.port}`, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set("authorization", "Bearer x");
    const answer = new Promise((resolve) =>
      client.makeUnaryRequest(
        "/t.T/Hold",
        asIs,
        asIs,
        Buffer.from("a"),
        metadata,
        { deadline: Date.now() + 9_000 },
        (_error, reply) => resolve(reply),
      ),
    );
    await expect.poll(() => held.length).toBe(1);
    const drained = service.server.drain();
    held[0]?.();
    expect(await answer).toEqual(Buffer.from("a"));
    await drained;
    expect(seen).toEqual([["Bearer x", 9]]);
    client.close();
  });
});
