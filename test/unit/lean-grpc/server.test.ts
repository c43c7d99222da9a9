import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import {
  FLAG,
  FRAME,
  goawayFrame,
  numberFrame,
  PREFACE,
  SETTING,
  settingsFrame,
  smallFrame,
} from "@sallyport/lean-grpc/frame.ts";
import { systemClock } from "../../../src/adapters/system/clock.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { goawayCode, leanChannel, leanServer, rawExchange, type ReadFrame } from "./support.ts";

import {
  call,
  data,
  echo,
  ENHANCE_YOUR_CALM,
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

describe("a server under attack goes on serving others", () => {
  it("when 20,000 streams are opened and reset", async () => {
    const begun = new Set<number>();
    using service = await leanServer({
      ...echo,
      "/t.T/Hold": (stream) => {
        begun.add(stream.id);
        stream.onCancel(() => begun.delete(stream.id));
      },
    });
    using client = leanChannel(service.port);
    expect(await client.call("/t.T/Echo", Buffer.from("before"))).toMatchObject({ kind: "reply" });
    const held = replaced(":path", "/t.T/Hold");
    const attack = rawExchange(
      service.port,
      Buffer.concat([
        greeting,
        repeated(20_000, (index) =>
          Buffer.concat([
            headers(2 * index + 1, held),
            data(2 * index + 1, hello),
            numberFrame(FRAME.RST_STREAM, 2 * index + 1, 8),
          ]),
        ),
      ]),
    );
    const during = await Promise.all(Array.from({ length: 20 }, () => client.call("/t.T/Echo", Buffer.from("during"))));
    expect(during.every(({ kind }) => kind === "reply")).toBe(true);
    expect(goawayCode((await attack).frames)).toBe(ENHANCE_YOUR_CALM);
    expect(begun.size).toBe(0);
    expect(client.events).toEqual(["ready"]);
  });

  it("when streams are opened that it refuses, without end", async () => {
    using service = await leanServer(echo, { limits: { maxStreams: 1, maxMessageBytes: 1000 } });
    const { frames } = await rawExchange(
      service.port,
      Buffer.concat([greeting, repeated(11_000, (index) => headers(2 * index + 1))]),
    );
    expect(goawayCode(frames)).toBe(ENHANCE_YOUR_CALM);
  });

  it("when unfinished messages would fill its memory: the call that is too much ends, and the others go on", async () => {
    using service = await leanServer(echo, { limits: { maxStreams: 100, maxMessageBytes: 4 * 1024 * 1024 } });
    const prefix = Buffer.from([0, 0, 0x40, 0, 0]);
    const part = Buffer.alloc(16_000);
    // 4 MiB each but for the last piece
    const half = (id: number): Buffer =>
      Buffer.concat([headers(id), data(id, prefix, 0), repeated(262, () => data(id, part, 0))]);
    const { frames } = await said(
      service.port,
      repeated(17, (index) => half(2 * index + 1)),
      call(101),
    );
    const refused = Array.from({ length: 17 }, (_, index) => statusOf(frames, 2 * index + 1)).filter((status) => status === "8");
    expect(refused.length).toBeGreaterThan(0);
    expect(statusOf(frames, 101)).toBe("0");
  });

  it("when answers are not read: what it holds for a client has a bound, and a stream's sender hears of it", async () => {
    let waits = 0;
    using service = await leanServer({
      "/t.T/Echo": (stream) => {
        for (let index = 0; index < 1000; index += 1)
          if (!stream.send(Buffer.alloc(64 * 1024))) {
            waits += 1;
            return;
          }
      },
    });
    const socket = connect(service.port, "127.0.0.1");
    socket.on("error", () => {});
    // windows without end, and nobody reads
    socket.pause();
    socket.write(
      Buffer.concat([
        PREFACE,
        settingsFrame([[SETTING.INITIAL_WINDOW_SIZE, 0x7fff_ffff]]),
        numberFrame(FRAME.WINDOW_UPDATE, 0, 0x7fff_0000),
        call(1),
      ]),
    );
    await expect.poll(() => waits).toBe(1);
    socket.destroy();
  });

  it("when the table of an honest client is busy: empty ends, windows and pings for each of 15,000 calls", async () => {
    using service = await leanServer(echo);
    const socket = connect(service.port, "127.0.0.1");
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => (bytes += chunk.length));
    const end = once(socket, "close");
    const round = (index: number): Buffer => {
      const id = 2 * index + 1;
      return Buffer.concat([
        headers(id),
        data(id, hello, 0),
        data(id, Buffer.alloc(0)),
        ping,
        numberFrame(FRAME.WINDOW_UPDATE, 0, 10),
      ]);
    };
    socket.write(Buffer.concat([greeting, repeated(15_000, round)]));
    await expect.poll(() => bytes, { timeout: 8_000 }).toBeGreaterThan(15_000 * 60);
    expect(socket.destroyed).toBe(false);
    socket.end();
    await end;
  });
});

describe("windows of a client", () => {
  it("are never exceeded, below zero as well, and an answer leaves as they open", async () => {
    const answer = Buffer.alloc(1000, 1);
    using service = await leanServer({ "/t.T/Echo": (stream) => stream.answer(answer) });
    const received = (frames: readonly ReadFrame[]): number =>
      frames.filter(({ type }) => type === FRAME.DATA).reduce((sum, { payloadBytes }) => sum + payloadBytes, 0);
    const limited = settingsFrame([[SETTING.INITIAL_WINDOW_SIZE, 100]]);
    const first = await said(service.port, limited, call(1));
    expect(received(first.frames)).toBe(100);
    // 100 sent, then a window of 10: 90 below zero
    const second = await said(
      service.port,
      limited,
      call(1),
      settingsFrame([[SETTING.INITIAL_WINDOW_SIZE, 10]]),
      numberFrame(FRAME.WINDOW_UPDATE, 1, 90),
    );
    expect(received(second.frames)).toBe(100);
    const third = await said(service.port, limited, call(1), numberFrame(FRAME.WINDOW_UPDATE, 1, 905));
    expect(received(third.frames)).toBe(1005);
    expect(statusOf(third.frames, 1)).toBe("0");
  });

  it("of streams that are over may still be opened", async () => {
    using service = await leanServer(echo);
    const { frames } = await said(
      service.port,
      call(1),
      numberFrame(FRAME.WINDOW_UPDATE, 1, 100),
      numberFrame(FRAME.RST_STREAM, 1, 8),
      call(3),
    );
    expect(statusOf(frames, 3)).toBe("0");
  });
});

describe("an answer before the request is whole", () => {
  it("is followed by a reset without a fault, so that the client stops", async () => {
    using service = await leanServer(echo, { limits: { maxStreams: 10, maxMessageBytes: 10 } });
    const { frames } = await said(service.port, headers(1), data(1, Buffer.from([0, 0, 0, 0, 11, 1]), 0));
    expect(statusOf(frames, 1)).toBe("8");
    expect(resetCodeOf(frames, 1)).toBe(0);
  });

  it("has our client send nothing more, and its connection goes on", async () => {
    using service = await leanServer(echo, { limits: { maxStreams: 10, maxMessageBytes: 1000 } });
    using client = leanChannel(service.port);
    for (let index = 0; index < 20; index += 1)
      expect(await client.call("/t.T/Echo", Buffer.alloc(3_000_000))).toMatchObject({ status: { code: 8 } });
    expect(await client.call("/t.T/Echo", Buffer.from("a"))).toMatchObject({ kind: "reply" });
    expect(client.events).toEqual(["ready"]);
  });
});

describe("the end of a server", () => {
  const closed = async (port: number): Promise<void> => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    await once(socket, "close");
  };

  it("loses no call of several clients that go on calling while it drains", async () => {
    using service = await leanServer({ "/t.T/Echo": (stream, message) => setImmediate(() => stream.answer(message)) });
    const clients = Array.from({ length: 4 }, () => leanChannel(service.port));
    let replies = 0;
    const bad: unknown[] = [];
    const callOn = async (client: (typeof clients)[number]): Promise<void> => {
      for (;;) {
        const outcome = await client.call("/t.T/Echo", Buffer.from("a"));
        if (outcome.kind === "reply") replies += 1;
        else {
          // one that was not seen may be asked elsewhere; one that may have been seen is lost
          if (outcome.kind !== "status" || !["unseen", "unreachable"].includes(outcome.status.cause ?? "")) bad.push(outcome);
          return;
        }
      }
    };
    const callers = clients.flatMap((client) => Array.from({ length: 16 }, () => callOn(client)));
    await expect.poll(() => replies).toBeGreaterThan(200);
    await service.server.drain();
    await Promise.all(callers);
    expect(bad).toEqual([]);
    for (const client of clients) client[Symbol.dispose]();
  });

  it("comes though a client never answers to it", async () => {
    const clock = new FakeClock();
    using service = await leanServer(echo, { timers: clock });
    const outcome = rawExchange(service.port, Buffer.concat([greeting, call(1)]));
    await expect.poll(() => clock.pending).toBe(1);
    const drained = service.server.drain();
    const again = service.server.drain();
    clock.advance(5_000);
    await Promise.all([drained, again]);
    const { frames } = await outcome;
    expect(statusOf(frames, 1)).toBe("0");
    expect(goawayCode(frames)).toBe(0);
  });

  it("is told to the client with its last call, and what comes later is refused unseen", async () => {
    let held: (() => void) | undefined;
    const seen: number[] = [];
    using service = await leanServer({
      "/t.T/Echo": (stream, message) => {
        seen.push(stream.id);
        held = () => stream.answer(message);
      },
    });
    const socket = connect(service.port, "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.write(Buffer.concat([greeting, call(1)]));
    await expect.poll(() => seen).toEqual([1]);
    const drained = service.server.drain();
    await expect.poll(() => Buffer.concat(chunks).includes(goawayFrame(0x7fff_ffff, 0))).toBe(true);
    socket.write(Buffer.concat([smallFrame(FRAME.PING, FLAG.ACK, 0, Buffer.alloc(8)), call(3)]));
    await expect.poll(() => Buffer.concat(chunks).includes(numberFrame(FRAME.RST_STREAM, 3, 7))).toBe(true);
    expect(Buffer.concat(chunks).includes(goawayFrame(1, 0))).toBe(true);
    held?.();
    await drained;
    expect(seen).toEqual([1]);
  });

  it("comes at once by force, for clients at their handshake, at their greeting and in the middle of a call", async () => {
    using service = await leanServer({ "/t.T/Echo": () => {} }, { timers: systemClock() });
    const silent = closed(service.port);
    const calling = rawExchange(service.port, Buffer.concat([greeting, call(1)]));
    using client = leanChannel(service.port);
    const lost = client.call("/t.T/Echo");
    await expect.poll(() => client.events).toEqual(["ready"]);
    service.server.destroy();
    await Promise.all([silent, calling, service.server.drain()]);
    expect(await lost).toMatchObject({ status: { code: 14 } });
  });

  it("is not held up by a client that says goodbye", async () => {
    using service = await leanServer(echo);
    const { frames, ended } = await rawExchange(service.port, Buffer.concat([greeting, call(1), goawayFrame(0, 0)]));
    expect(statusOf(frames, 1)).toBe("0");
    expect(ended).toBe(true);
  });

  it("of a connection comes where nothing is said for ten seconds, or where nobody answers a sign of life", async () => {
    const clock = new FakeClock();
    using service = await leanServer(echo, { timers: clock });
    const silent = closed(service.port);
    const gone = rawExchange(service.port, greeting);
    await expect.poll(() => clock.pending).toBe(2);
    clock.advance(10_000);
    await silent;
    clock.advance(30_000);
    // its ping leaves with this turn
    await new Promise((resolve) => setTimeout(resolve, 20));
    clock.advance(10_000);
    const { frames } = await gone;
    expect(frames.some(({ type, flags }) => type === FRAME.PING && flags === 0)).toBe(true);
  });
});

describe("a bug of a listener", () => {
  it("of a call is told, and costs nobody else", async () => {
    const faults: unknown[] = [];
    const bug = new Error("bug");
    using service = await leanServer(
      {
        ...echo,
        "/t.T/Throw": () => {
          throw bug;
        },
        "/t.T/Late": (stream) =>
          stream.onCancel(() => {
            throw bug;
          }),
      },
      { onFault: (thrown) => faults.push(thrown) },
    );
    const late = replaced(":path", "/t.T/Late");
    const { frames } = await said(
      service.port,
      headers(1, replaced(":path", "/t.T/Throw")),
      data(1, hello),
      headers(3, late),
      data(3, hello),
      numberFrame(FRAME.RST_STREAM, 3, 8),
      call(5),
    );
    expect(statusOf(frames, 1)).toBe("13");
    expect(statusOf(frames, 5)).toBe("0");
    expect(faults).toEqual([bug, bug]);
  });
});
