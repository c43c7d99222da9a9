import { createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { FLAG, FRAME, goawayFrame, settingsFrame, smallFrame } from "@sallyport/lean-grpc/frame.ts";
import { hangUp } from "@sallyport/lean-grpc/hang-up.ts";
import { framed } from "@sallyport/lean-grpc/message-reader.ts";
import { responseEnd, responseHead } from "@sallyport/lean-grpc/response-frames.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { leanChannel, leanServer, scriptedServer } from "./support.ts";

const greeting = settingsFrame([]);
const answer = (id: number): Buffer =>
  Buffer.concat([
    responseHead(id),
    smallFrame(FRAME.DATA, 0, id, framed(Buffer.from("x"))),
    responseEnd(id, { code: 0, details: "" }),
  ]);
const isGreeting = (type: number, flags: number): boolean => type === FRAME.SETTINGS && (flags & FLAG.ACK) === 0;
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

/** Speaks HTTP/2, counts pings, and answers them and calls as it is told to. */
async function silentService(mayAnswer: { pings: boolean; calls: boolean }): Promise<
  {
    readonly port: number;
    readonly pings: () => number;
    readonly say: (bytes: Buffer) => void;
  } & Disposable
> {
  let pings = 0;
  const service = await scriptedServer(({ type, flags, streamId }, payload, socket) => {
    if (isGreeting(type, flags)) socket.write(greeting);
    if (type === FRAME.HEADERS && mayAnswer.calls) socket.write(answer(streamId));
    if (type !== FRAME.PING || (flags & FLAG.ACK) !== 0) return;
    pings += 1;
    if (mayAnswer.pings) socket.write(smallFrame(FRAME.PING, FLAG.ACK, 0, payload));
  });
  return {
    port: service.port,
    pings: () => pings,
    say: (bytes) => service.sockets.at(-1)?.write(bytes),
    [Symbol.dispose]: () => service[Symbol.dispose](),
  };
}

describe("the keepalive of a channel", () => {
  it("finds a service that is gone: after ten seconds of silence with a call in flight, and five without an answer", async () => {
    const clock = new FakeClock();
    using service = await silentService({ pings: false, calls: false });
    using client = leanChannel(service.port, { timers: clock });
    await expect.poll(() => client.events).toEqual(["ready"]);
    clock.advance(30_000);
    const lost = client.call("/t.T/A");
    clock.advance(9_999);
    await turn();
    expect(service.pings()).toBe(0);
    clock.advance(1);
    await expect.poll(() => service.pings()).toBe(1);
    clock.advance(4_999);
    expect(client.events).toEqual(["ready"]);
    clock.advance(1);
    expect(await lost).toMatchObject({ status: { code: 14, cause: "lost" } });
    expect(client.events).toEqual(["ready", "lost"]);
  });

  it("is content with an answer, and with any other byte", async () => {
    const clock = new FakeClock();
    using service = await silentService({ pings: false, calls: false });
    using client = leanChannel(service.port, { timers: clock });
    await expect.poll(() => client.events).toEqual(["ready"]);
    void client.call("/t.T/A");
    clock.advance(10_000);
    await expect.poll(() => service.pings()).toBe(1);
    clock.advance(1_000);
    service.say(greeting);
    await turn();
    clock.advance(4_000);
    await turn();
    expect(client.events).toEqual(["ready"]);
    expect(service.pings()).toBe(1);
    clock.advance(6_000);
    await expect.poll(() => service.pings()).toBe(2);
  });

  it("asks an idle service not more often than servers bear, every five minutes, and half as often once that was too much, on the next connection too", async () => {
    const clock = new FakeClock();
    using service = await silentService({ pings: true, calls: true });
    using client = leanChannel(service.port, { timers: clock });
    await expect.poll(() => client.events).toEqual(["ready"]);
    clock.advance(309_999);
    await turn();
    expect(service.pings()).toBe(0);
    clock.advance(1);
    await expect.poll(() => service.pings()).toBe(1);
    await turn();
    clock.advance(5_000);
    service.say(goawayFrame(0, 0xb));
    await expect.poll(() => client.events).toEqual(["ready", "lost"]);
    clock.advance(1_000);
    await expect.poll(() => client.events).toEqual(["ready", "lost", "ready"]);
    clock.advance(619_999);
    await turn();
    expect(service.pings()).toBe(1);
    clock.advance(1);
    await expect.poll(() => service.pings()).toBe(2);
  });

  it("asks nothing of a service that answers calls, and leaves no timer behind", async () => {
    const clock = new FakeClock();
    using service = await silentService({ pings: true, calls: true });
    const client = leanChannel(service.port, { timers: clock });
    for (let index = 0; index < 30; index += 1) {
      expect(await client.call("/t.T/A")).toMatchObject({ kind: "reply" });
      clock.advance(5_000);
    }
    expect(service.pings()).toBe(0);
    client.channel.close();
    await expect.poll(() => clock.pending).toBe(0);
  });
});

describe("a channel without a connection", () => {
  it("has calls wait for the first attempt, fail at once after one that failed, and go on when the service is there", async () => {
    const clock = new FakeClock();
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    // a server bound to an address has one
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    using client = leanChannel(port, { timers: clock });
    expect(await client.call("/t.T/A")).toMatchObject({ status: { code: 14, cause: "unreachable" } });
    expect(await client.call("/t.T/A")).toMatchObject({ status: { cause: "unreachable" } });
    const server = createServer((socket) =>
      socket
        .on("error", () => {})
        .on("data", () => {})
        .write(greeting),
    );
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    clock.advance(50);
    await expect.poll(() => client.events).toEqual(["ready"]);
    client.channel.close();
    server.close();
  });

  it("gives an attempt up after five seconds, whatever hangs: the guard, the peer's first words", async () => {
    const clock = new FakeClock();
    using service = await scriptedServer(() => {});
    using hung = leanChannel(service.port, { timers: clock, guard: { before: () => new Promise(() => {}) } });
    using unanswered = leanChannel(service.port, { timers: clock });
    await expect.poll(() => service.sockets.length).toBe(1);
    await turn();
    const calls = [hung.call("/t.T/A"), unanswered.call("/t.T/A")];
    clock.advance(5_000);
    for (const outcome of await Promise.all(calls)) expect(outcome).toMatchObject({ status: { cause: "unreachable" } });
    expect([...hung.events, ...unanswered.events]).toEqual([]);
    await expect.poll(() => service.sockets.every(({ destroyed }) => destroyed)).toBe(true);
  });

  it("says what its guard has against the peer, and closes the socket of a guard that throws", async () => {
    const clock = new FakeClock();
    using service = await scriptedServer(() => {});
    const refusing = { before: () => Promise.resolve({ ok: false, error: "not this one" } as const) };
    using client = leanChannel(service.port, { timers: clock, guard: refusing });
    await expect.poll(() => client.events).toEqual(["refused: not this one"]);
    const throwing = { before: () => Promise.resolve({ ok: true, value: () => Promise.reject(new Error("bug")) } as const) };
    using other = leanChannel(service.port, { timers: clock, guard: throwing });
    expect(await other.call("/t.T/A")).toMatchObject({ status: { cause: "unreachable" } });
    await expect.poll(() => service.sockets.length).toBe(1);
    await expect.poll(() => service.sockets[0]?.readableEnded).toBe(true);
  });

  it("closed while it connects ends with its calls, without a socket or a timer left", async () => {
    const clock = new FakeClock();
    using service = await scriptedServer(() => {});
    const client = leanChannel(service.port, { timers: clock });
    const call = client.call("/t.T/A");
    await expect.poll(() => service.sockets.length).toBe(1);
    client.channel.close();
    client.channel.close();
    expect(await call).toMatchObject({ status: { cause: "unseen" } });
    expect(await client.call("/t.T/A")).toMatchObject({ status: { cause: "unreachable" } });
    await expect.poll(() => service.sockets[0]?.readableEnded).toBe(true);
    await expect.poll(() => clock.pending).toBe(0);
    expect(client.events).toEqual([]);
  });

  it("closed with calls in flight lets them finish", async () => {
    using service = await leanServer({ "/t.T/A": (call, message) => setTimeout(() => call.answer(message), 20) });
    const client = leanChannel(service.port);
    const call = client.call("/t.T/A", Buffer.from("x"));
    await expect.poll(() => client.events).toEqual(["ready"]);
    client.channel.close();
    expect(await call).toMatchObject({ kind: "reply" });
  });
});

describe("a peer that does not read", () => {
  /** A socket whose writes never leave. */
  class StuckSocket extends Duplex {
    override _read(): void {}
    override _write(): void {}
    destroySoon(): void {
      this.once("finish", () => this.destroy());
      this.end();
    }
  }

  it("cannot keep our last words, and with them the socket, for ever", async () => {
    const clock = new FakeClock();
    const socket = new StuckSocket();
    socket.write("last words");
    // what is used of a socket is here
    hangUp(socket as unknown as Socket, clock);
    clock.advance(1_999);
    expect(socket.destroyed).toBe(false);
    clock.advance(1);
    expect(socket.destroyed).toBe(true);
    await once(socket, "close");
    expect(clock.pending).toBe(0);
  });
});

describe("a listener that throws", () => {
  it("is told of, and the call after it goes on", async () => {
    using service = await leanServer({ "/t.T/A": (call, message) => call.answer(message) });
    const faults: unknown[] = [];
    using client = leanChannel(service.port, { onFault: (thrown) => faults.push(thrown) });
    const bug = new Error("bug");
    const request = { method: "/t.T/A", message: Buffer.alloc(1), metadata: [] };
    client.channel.unary(request, 1000, () => {
      throw bug;
    });
    client.channel.stream(request, {
      onMessage: () => {
        throw bug;
      },
      onEnd: () => {},
    });
    expect(await client.call("/t.T/A", Buffer.from("x"))).toMatchObject({ kind: "reply" });
    expect(faults).toEqual([bug, bug]);
    expect(client.events).toEqual(["ready"]);
  });
});

describe("GOAWAY", () => {
  it("has a call that was not seen asked again at once, on the next connection and not on the one that ends", async () => {
    let connections = 0;
    using service = await scriptedServer(({ type, flags, streamId }, _payload, socket) => {
      if (isGreeting(type, flags)) {
        connections += 1;
        socket.write(greeting);
      }
      if (type === FRAME.HEADERS) socket.write(connections === 1 ? goawayFrame(0, 0) : answer(streamId));
    });
    using client = leanChannel(service.port);
    const request = { method: "/t.T/A", message: Buffer.alloc(0), metadata: [] };
    const outcome = await new Promise((resolve) => {
      client.channel.unary(request, 1000, () => client.channel.unary(request, 1000, resolve));
    });
    expect(outcome).toMatchObject({ kind: "reply" });
    expect(connections).toBe(2);
  });
});
