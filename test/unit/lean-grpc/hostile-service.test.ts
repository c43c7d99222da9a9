import { describe, expect, it } from "vitest";
import { FLAG, FRAME, goawayFrame, numberFrame, SETTING, settingsFrame, smallFrame } from "@sallyport/lean-grpc/frame.ts";
import { framed } from "@sallyport/lean-grpc/message-reader.ts";
import { responseEnd, responseHead } from "@sallyport/lean-grpc/response-frames.ts";
import { leanChannel, scriptedServer } from "./support.ts";

const data = (id: number, bytes: Buffer, flags = 0): Buffer => smallFrame(FRAME.DATA, flags, id, bytes);
const ok = (id: number): Buffer => responseEnd(id, { code: 0, details: "" });
const greeting = settingsFrame([]);

/** What is said to the first request, the settings being said. */
async function answering(answer: (id: number) => Buffer): ReturnType<typeof scriptedServer> {
  return scriptedServer(({ type, flags, streamId }, _payload, socket) => {
    if (type === FRAME.SETTINGS && (flags & FLAG.ACK) === 0) socket.write(greeting);
    if (type === FRAME.HEADERS) socket.write(answer(streamId));
  });
}

describe("a service that breaks HTTP/2 costs its connection, and the call is lost", () => {
  it.each<[string, (id: number) => Buffer]>([
    ["a frame above 16 KiB", (id) => Buffer.concat([Buffer.from([0, 0x40, 1, 0, 0]), Buffer.from([0, 0, 0, id])])],
    ["a stream nobody opened", () => data(99, Buffer.alloc(1))],
    ["an even stream", () => responseHead(2)],
    ["a push", (id) => smallFrame(FRAME.PUSH_PROMISE, FLAG.END_HEADERS, id, Buffer.alloc(8))],
    ["a CONTINUATION of nothing", (id) => smallFrame(FRAME.CONTINUATION, FLAG.END_HEADERS, id, Buffer.alloc(1))],
    [
      "a frame inside a header block",
      (id) => Buffer.concat([smallFrame(FRAME.HEADERS, 0, id, Buffer.of(0x88)), data(id, Buffer.alloc(1))]),
    ],
    [
      "a CONTINUATION of another stream",
      (id) =>
        Buffer.concat([
          smallFrame(FRAME.HEADERS, 0, id, Buffer.of(0x88)),
          smallFrame(FRAME.CONTINUATION, 0, id + 2, Buffer.of(0x88)),
        ]),
    ],
    [
      "header blocks without end",
      (id) =>
        Buffer.concat([
          smallFrame(FRAME.HEADERS, 0, id, Buffer.alloc(16_000, 0x88)),
          ...Array.from({ length: 3 }, () => smallFrame(FRAME.CONTINUATION, 0, id, Buffer.alloc(16_000, 0x88))),
        ]),
    ],
    [
      "empty CONTINUATIONs",
      (id) =>
        Buffer.concat([
          smallFrame(FRAME.HEADERS, 0, id, Buffer.of(0x88)),
          smallFrame(FRAME.CONTINUATION, 0, id, Buffer.alloc(0)),
        ]),
    ],
    ["a header block that is none", (id) => smallFrame(FRAME.HEADERS, FLAG.END_HEADERS, id, Buffer.of(0xff))],
    [
      "a dynamic table it was not given",
      (id) => smallFrame(FRAME.HEADERS, FLAG.END_HEADERS, id, Buffer.from([0x3f, 0xe1, 0x1f])),
    ],
    ["more padding than payload", (id) => data(id, Buffer.from([9, 1]), FLAG.PADDED)],
    ["a window update of nothing", () => numberFrame(FRAME.WINDOW_UPDATE, 0, 0)],
    ["a window above 2^31", () => numberFrame(FRAME.WINDOW_UPDATE, 0, 0x7fff_ffff)],
    ["a window update of 3 bytes", () => smallFrame(FRAME.WINDOW_UPDATE, 0, 0, Buffer.alloc(3))],
    ["a reset of 5 bytes", (id) => smallFrame(FRAME.RST_STREAM, 0, id, Buffer.alloc(5))],
    ["settings of 5 bytes", () => smallFrame(FRAME.SETTINGS, 0, 0, Buffer.alloc(5))],
    ["settings on a stream", (id) => smallFrame(FRAME.SETTINGS, 0, id, Buffer.alloc(6))],
    ["settings that enable push", () => settingsFrame([[SETTING.ENABLE_PUSH, 1]])],
    ["an initial window above 2^31", () => settingsFrame([[SETTING.INITIAL_WINDOW_SIZE, 0x8000_0000]])],
    ["a ping of 7 bytes", () => smallFrame(FRAME.PING, 0, 0, Buffer.alloc(7))],
    ["a ping on a stream", (id) => smallFrame(FRAME.PING, 0, id, Buffer.alloc(8))],
    ["a farewell of 4 bytes", () => smallFrame(FRAME.GOAWAY, 0, 0, Buffer.alloc(4))],
    [
      "a flood of pings",
      () => Buffer.concat(Array.from({ length: 11_000 }, () => smallFrame(FRAME.PING, 0, 0, Buffer.alloc(8)))),
    ],
    [
      "a flood of empty frames",
      (id) => Buffer.concat([responseHead(id), ...Array.from({ length: 11_000 }, () => data(id, Buffer.alloc(0)))]),
    ],
  ])("%s", async (_name, answer) => {
    using service = await answering(answer);
    using client = leanChannel(service.port);
    expect(await client.call("/t.T/A", Buffer.from("a"))).toMatchObject({ kind: "status", status: { code: 14, cause: "lost" } });
    expect(client.events).toEqual(["ready", "lost"]);
  });

  it("a first frame that is no SETTINGS is no HTTP/2 at all: the call had no connection", async () => {
    using service = await scriptedServer((_head, _payload, socket) =>
      socket.write(smallFrame(FRAME.PING, 0, 0, Buffer.alloc(8))),
    );
    using client = leanChannel(service.port);
    expect(await client.call("/t.T/A")).toMatchObject({ status: { cause: "unreachable" } });
    expect(client.events).toEqual([]);
  });
});

describe("a service that breaks gRPC costs the call, and the connection goes on", () => {
  const reply = framed(Buffer.from("fine"));
  it.each<[string, (id: number) => Buffer, object]>([
    ["no message", (id) => Buffer.concat([responseHead(id), ok(id)]), { kind: "malformed" }],
    [
      "two messages",
      (id) => Buffer.concat([responseHead(id), data(id, Buffer.concat([reply, reply])), ok(id)]),
      { kind: "malformed" },
    ],
    [
      "half a message",
      (id) => Buffer.concat([responseHead(id), data(id, reply.subarray(0, 7)), ok(id)]),
      { status: { code: 13 } },
    ],
    [
      "a compressed message",
      (id) => Buffer.concat([responseHead(id), data(id, Buffer.from([1, 0, 0, 0, 0])), ok(id)]),
      { status: { code: 13 } },
    ],
    ["a message before the head", (id) => Buffer.concat([data(id, reply), ok(id)]), { status: { code: 13 } }],
    [
      "a message that is too large",
      (id) => Buffer.concat([responseHead(id), data(id, Buffer.from([0, 0xff, 0xff, 0xff, 0xff]))]),
      { status: { cause: "own-limit" } },
    ],
    [
      "an end without a status",
      (id) => Buffer.concat([responseHead(id), data(id, reply, FLAG.END_STREAM)]),
      { status: { code: 2 } },
    ],
    ["trailers that end nothing", (id) => Buffer.concat([responseHead(id), responseHead(id)]), { status: { code: 13 } }],
    ["another content type", (id) => smallFrame(FRAME.HEADERS, FLAG.END_HEADERS, id, Buffer.of(0x88)), { status: { code: 2 } }],
    [
      "a page not found",
      (id) => smallFrame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, id, Buffer.of(0x8d)),
      { status: { code: 12 } },
    ],
    ["a refused stream", (id) => numberFrame(FRAME.RST_STREAM, id, 7), { status: { code: 14, cause: "unseen" } }],
    ["a cancelled stream", (id) => numberFrame(FRAME.RST_STREAM, id, 8), { status: { code: 1 } }],
    ["a stream reset for calm", (id) => numberFrame(FRAME.RST_STREAM, id, 0xb), { status: { code: 8 } }],
    ["a stream reset for no reason", (id) => numberFrame(FRAME.RST_STREAM, id, 2), { status: { code: 13 } }],
  ])("%s", async (_name, answer, outcome) => {
    let isFirst = true;
    using service = await answering((id) => {
      const bytes = isFirst ? answer(id) : Buffer.concat([responseHead(id), data(id, reply), ok(id)]);
      isFirst = false;
      return bytes;
    });
    using client = leanChannel(service.port);
    expect(await client.call("/t.T/A", Buffer.from("a"))).toMatchObject(outcome);
    expect(await client.call("/t.T/A", Buffer.from("b"))).toEqual({ kind: "reply", bytes: Buffer.from("fine") });
    expect(client.events).toEqual(["ready"]);
  });
});

describe("a service that says goodbye", () => {
  it("keeps the calls it names, and those above are told that they were not seen and find the next connection", async () => {
    let count = 0;
    using service = await scriptedServer(({ type, flags, streamId }, _payload, socket) => {
      if (type === FRAME.SETTINGS && (flags & FLAG.ACK) === 0) socket.write(greeting);
      if (type !== FRAME.HEADERS) return;
      count += 1;
      if (count === 2) {
        socket.write(goawayFrame(1, 0));
        socket.write(Buffer.concat([responseHead(1), data(1, framed(Buffer.from("one"))), ok(1)]));
      }
      if (count > 2)
        socket.write(Buffer.concat([responseHead(streamId), data(streamId, framed(Buffer.from("again"))), ok(streamId)]));
    });
    using client = leanChannel(service.port);
    const [first, second] = await Promise.all([client.call("/t.T/A"), client.call("/t.T/B")]);
    expect(first).toMatchObject({ kind: "reply" });
    expect(second).toMatchObject({ status: { cause: "unseen" } });
    await expect.poll(() => client.events).toEqual(["ready", "lost", "ready"]);
    expect(await client.call("/t.T/C")).toEqual({ kind: "reply", bytes: Buffer.from("again") });
  });

  it("by hanging up leaves the calls it may have seen lost, and is connected to again", async () => {
    let count = 0;
    using service = await answering((id) => {
      count += 1;
      if (count === 1) service.sockets[0]?.destroy();
      return Buffer.concat([responseHead(id), data(id, framed(Buffer.from("again"))), ok(id)]);
    });
    using client = leanChannel(service.port);
    expect(await client.call("/t.T/A")).toMatchObject({ status: { code: 14, cause: "lost" } });
    await expect.poll(() => client.events).toEqual(["ready", "lost", "ready"]);
    expect(await client.call("/t.T/A")).toMatchObject({ kind: "reply" });
  });
});

describe("a service that takes few streams at once", () => {
  it("is never sent more, and every call is answered in the end", async () => {
    let most = 0;
    const open = new Set<number>();
    using service = await scriptedServer(({ type, flags, streamId }, _payload, socket) => {
      if (type === FRAME.SETTINGS && (flags & FLAG.ACK) === 0) socket.write(settingsFrame([[SETTING.MAX_CONCURRENT_STREAMS, 3]]));
      if (type !== FRAME.HEADERS) return;
      open.add(streamId);
      most = Math.max(most, open.size);
      setImmediate(() => {
        open.delete(streamId);
        socket.write(Buffer.concat([responseHead(streamId), data(streamId, framed(Buffer.from("x"))), ok(streamId)]));
      });
    });
    using client = leanChannel(service.port);
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => client.call("/t.T/A")));
    expect(outcomes.every(({ kind }) => kind === "reply")).toBe(true);
    expect(most).toBeLessThanOrEqual(3);
  });

  it("sees a call that was given up while it waited never, and one under way reset", async () => {
    const frames: number[] = [];
    using service = await scriptedServer(({ type, flags }, _payload, socket) => {
      if (type === FRAME.SETTINGS && (flags & FLAG.ACK) === 0) socket.write(settingsFrame([[SETTING.MAX_CONCURRENT_STREAMS, 1]]));
      if (type === FRAME.HEADERS || type === FRAME.RST_STREAM) frames.push(type);
    });
    using client = leanChannel(service.port);
    const request = { method: "/t.T/A", message: Buffer.alloc(0), metadata: [] };
    const never = (): void => expect.unreachable();
    const giveUpFirst = client.channel.unary(request, 1000, never);
    const giveUpSecond = client.channel.unary(request, 1000, never);
    await expect.poll(() => frames).toEqual([FRAME.HEADERS]);
    giveUpSecond();
    giveUpFirst();
    await expect.poll(() => frames).toEqual([FRAME.HEADERS, FRAME.RST_STREAM]);
  });
});

describe("windows of the service", () => {
  it("are never exceeded, on the stream and on the connection, whatever it changes them to", async () => {
    let received = 0;
    let allowed = 10;
    using service = await scriptedServer(({ type, flags, streamId, payloadBytes }, _payload, socket) => {
      if (type === FRAME.SETTINGS && (flags & FLAG.ACK) === 0) socket.write(settingsFrame([[SETTING.INITIAL_WINDOW_SIZE, 10]]));
      if (type !== FRAME.DATA) return;
      received += payloadBytes;
      expect(received).toBeLessThanOrEqual(allowed);
      if ((flags & FLAG.END_STREAM) !== 0) {
        socket.write(Buffer.concat([responseHead(streamId), data(streamId, framed(Buffer.from("x"))), ok(streamId)]));
        return;
      }
      allowed += 997;
      socket.write(numberFrame(FRAME.WINDOW_UPDATE, streamId, 997));
      socket.write(numberFrame(FRAME.WINDOW_UPDATE, 0, 997));
    });
    using client = leanChannel(service.port);
    expect(await client.call("/t.T/A", Buffer.alloc(20_000))).toMatchObject({ kind: "reply" });
    expect(received).toBe(20_005);
  });
});
