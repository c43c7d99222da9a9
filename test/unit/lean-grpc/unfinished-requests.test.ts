import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Admission } from "@sallyport/lean-grpc/door.ts";
import { FRAME } from "@sallyport/lean-grpc/frame.ts";
import { FrameReader } from "@sallyport/lean-grpc/frame-reader.ts";
import { framed } from "@sallyport/lean-grpc/message-reader.ts";
import type { ServerLimits } from "@sallyport/lean-grpc/server-connection-terms.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import {
  call,
  data,
  echo,
  FIELDS,
  greeting,
  headers,
  hello,
  ping,
  repeated,
  replaced,
  resetCodeOf,
  said,
  statusOf,
} from "./raw-client.ts";
import { goawayCode, leanServer, rawExchange, type ReadFrame } from "./support.ts";

const REFUSED = { code: 16, details: "no token" };
const limits = (more: Partial<ServerLimits>): ServerLimits => ({ maxStreams: 100, maxMessageBytes: 1024 * 1024, ...more });

/** The beginning of a message of so many bytes, of which half an mebibyte is claimed. */
const part = (bytes: number): Buffer => Buffer.concat([Buffer.from([0, 0, 8, 0, 0]), Buffer.alloc(bytes)]);
/** A stream that sends so much and stops. */
const unfinished = (id: number, bytes: number): Buffer => Buffer.concat([headers(id), data(id, part(bytes), 0)]);
/** Bytes of a stream in frames of 16,000. */
const bulk = (id: number, frames: number): Buffer => repeated(frames, () => data(id, Buffer.alloc(16_000), 0));

/** A connection that stays; its frames so far, and a promise for the answer to its ping. */
async function staying(
  port: number,
  ...bytes: readonly Buffer[]
): Promise<{ readonly frames: readonly ReadFrame[]; end(): void }> {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  const frames: ReadFrame[] = [];
  const reader = new FrameReader((head, payload) => frames.push({ ...head, payload: Buffer.from(payload) }));
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => reader.push(chunk));
  socket.write(Buffer.concat([greeting, ...bytes, ping]));
  await expect.poll(() => frames.some(({ type }) => type === FRAME.PING)).toBe(true);
  return { frames, end: () => socket.destroy() };
}

describe("a caller is judged by the headers of its call", () => {
  const refusing = (stream: { field(name: string): string | undefined }): Admission =>
    stream.field("x-token") === "good" ? "known" : REFUSED;
  const known = (id: number): Buffer => headers(id, [...FIELDS, ["x-token", "good"]]);

  it("and refused before its message is here, of which nothing is kept", async () => {
    let calls = 0;
    using service = await leanServer(
      {
        "/t.T/Echo": (stream, message) => {
          calls += 1;
          stream.answer(message);
        },
      },
      { door: refusing, limits: limits({ maxUnfinishedBytes: 2_000 }) },
    );
    const { frames } = await said(
      service.port,
      headers(1),
      bulk(1, 60),
      known(3),
      data(3, framed(Buffer.alloc(900)).subarray(0, 700), 0),
      data(3, framed(Buffer.alloc(900)).subarray(700)),
    );
    expect([statusOf(frames, 1), resetCodeOf(frames, 1)]).toEqual(["16", 0]);
    expect(statusOf(frames, 3)).toBe("0");
    expect(calls).toBe(1);
  });

  it("and gets back the window of its connection for what was on its way, and no more", async () => {
    using service = await leanServer(echo, { door: () => REFUSED });
    const honest = await said(
      service.port,
      repeated(20, (index) => Buffer.concat([headers(1 + 2 * index), bulk(1 + 2 * index, 60)])),
    );
    const updates = honest.frames.filter(({ type, streamId }) => type === FRAME.WINDOW_UPDATE && streamId === 0);
    // that of the greeting is the first
    expect(updates.length).toBeGreaterThan(2);
    expect(honest.ended).toBe(false);
    const { frames, ended } = await rawExchange(service.port, Buffer.concat([greeting, headers(1), bulk(1, 1_150)]));
    expect([goawayCode(frames), ended]).toEqual([3, true]);
  });

  it("and of a method nobody has, nothing is kept", async () => {
    using service = await leanServer(echo, { limits: limits({ maxUnfinishedBytes: 1_000 }) });
    const { frames } = await said(service.port, headers(1, replaced(":path", "/t.T/None")), bulk(1, 10), call(3));
    expect([statusOf(frames, 1), statusOf(frames, 3)]).toEqual(["12", "0"]);
  });

  it("and while that lasts holds what strangers may, and is answered when it is known", async () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    using service = await leanServer(echo, {
      door: () => gate.then(() => "known" as const),
      limits: limits({ maxUnfinishedBytes: 4_000 }),
    });
    const message = framed(Buffer.alloc(700));
    const { frames } = await rawExchange(
      service.port,
      Buffer.concat([greeting, headers(1), data(1, message), headers(3), data(3, message)]),
      (read) => {
        if (statusOf(read, 3) === "8") open();
        return statusOf(read, 1) !== undefined;
      },
    );
    expect([statusOf(frames, 1), statusOf(frames, 3)]).toEqual(["0", "8"]);
  });

  it("and leaves no room taken where it goes before it is known", async () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    using service = await leanServer(echo, {
      door: (stream) => (stream.field("x-token") === "good" ? "known" : gate.then(() => "known" as const)),
      limits: limits({ maxUnfinishedBytes: 4_000 }),
    });
    const gone = await staying(service.port, headers(1), data(1, framed(Buffer.alloc(900))));
    gone.end();
    await expect
      .poll(async () => statusOf((await said(service.port, known(1), data(1, framed(Buffer.alloc(3_900)), 0))).frames, 1))
      .toBeUndefined();
    open();
  });
});

describe("what is held of requests that are not whole", () => {
  it.each<[string, (id: number) => Buffer]>([
    ["half of a message", (id) => unfinished(id, 600)],
    [
      "a whole message without the end of its request",
      (id) => Buffer.concat([headers(id), data(id, framed(Buffer.alloc(600)), 0)]),
    ],
  ])("has one bound over all connections: %s", async (_name, request) => {
    using service = await leanServer(echo, { limits: limits({ maxUnfinishedBytes: 1_000 }) });
    const first = await staying(service.port, request(1));
    expect(statusOf(first.frames, 1)).toBeUndefined();
    const second = await said(service.port, request(1), call(3));
    expect([statusOf(second.frames, 1), statusOf(second.frames, 3)]).toEqual(["8", "0"]);
    first.end();
    await expect.poll(async () => statusOf((await said(service.port, request(1))).frames, 1)).toBeUndefined();
  });

  it("is bounded without being told to, on connections together", async () => {
    using service = await leanServer(echo);
    // each claims 4 MiB and brings most of it; the room is 64
    const most = (id: number): Buffer => Buffer.concat([headers(id), data(id, Buffer.from([0, 0, 64, 0, 0]), 0), bulk(id, 250)]);
    for (let count = 0; count < 4; count += 1) {
      const { frames } = await staying(
        service.port,
        repeated(4, (index) => most(1 + 2 * index)),
      );
      expect([1, 3, 5, 7].map((id) => statusOf(frames, id))).toEqual([undefined, undefined, undefined, undefined]);
    }
    const { frames } = await said(service.port, most(1));
    expect(statusOf(frames, 1)).toBe("8");
  });
});

describe("the time a request may take to arrive", () => {
  it.each<[string, Buffer, number]>([
    ["ten seconds", headers(1), 10_000],
    ["the call's own where that is less", headers(1, [...FIELDS, ["grpc-timeout", "2S"]]), 2_000],
    ["ten seconds where the call has more", headers(1, [...FIELDS, ["grpc-timeout", "1H"]]), 10_000],
  ])("is %s", async (_name, head, limitMs) => {
    const clock = new FakeClock();
    using service = await leanServer(echo, { timers: clock });
    const { frames } = await staying(service.port, head, data(1, hello.subarray(0, 7), 0), unfinished(3, 5));
    expect(clock.pending).toBe(3);
    clock.advance(limitMs - 1);
    expect(clock.pending).toBe(3);
    clock.advance(1);
    await expect.poll(() => statusOf(frames, 1)).toBe("4");
    expect(resetCodeOf(frames, 1)).toBe(0);
  });

  it("is kept by one that is whole while its caller is not known", async () => {
    const clock = new FakeClock();
    using service = await leanServer(echo, { timers: clock, door: () => new Promise(() => {}) });
    const { frames } = await staying(service.port, call(1));
    clock.advance(10_000);
    await expect.poll(() => statusOf(frames, 1)).toBe("4");
  });

  it("costs no timer where it comes whole, and none is left behind where the rest comes", async () => {
    const clock = new FakeClock();
    using service = await leanServer(echo, { timers: clock });
    // the greeting's
    await staying(service.port, call(1));
    expect(clock.pending).toBe(1);
    const { frames } = await staying(
      service.port,
      headers(1),
      data(1, hello.subarray(0, 7), 0),
      ping,
      data(1, hello.subarray(7)),
    );
    expect(statusOf(frames, 1)).toBe("0");
    expect(clock.pending).toBe(2);
  });
});
