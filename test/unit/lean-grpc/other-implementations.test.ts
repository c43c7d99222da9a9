import type { CallOutcome } from "@sallyport/lean-grpc/calls.ts";
import type { MethodHandler } from "@sallyport/lean-grpc/server.ts";
import { describe, expect, it } from "vitest";
import { NO_PYTHON, PEERS } from "../../support/grpc-peers.ts";
import { leanChannel, leanServer, type LeanClient } from "./support.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZES = [0, 1, 5, 16 * KIB - 5, 16 * KIB, 65_535, 65_536, MIB, 3 * MIB];
const ROOMY = { maxMessageBytes: 16 * MIB };
const filled = (bytes: number): Buffer => Buffer.alloc(bytes, "x");

// compared as bytes: an assertion on millions of elements takes seconds
const isEcho = (answer: CallOutcome, size: number): boolean => answer.kind === "reply" && answer.bytes.equals(filled(size));

/** With another deadline than the usual one, and a way to give it up. */
function calling({ channel }: LeanClient, method: string, timeMs: number) {
  let giveUp = (): void => {};
  const outcome = new Promise<CallOutcome>((resolve) => {
    giveUp = channel.unary({ method, message: filled(10), metadata: [] }, timeMs, resolve);
  });
  return { outcome, giveUp: () => giveUp() };
}

it.skipIf(NO_PYTHON === undefined)(`leaves Python out: ${NO_PYTHON ?? ""}`, () => {});

// megabytes through small windows take their time on a busy machine
describe.each(PEERS)("our client and a service of $name", { timeout: 30_000 }, ({ serve }) => {
  it("exchange messages of every size, and fifty at once", async () => {
    await using service = await serve();
    using caller = leanChannel(service.port, ROOMY);
    for (const size of SIZES)
      expect(await caller.call("/t.T/Echo", filled(size))).toEqual({ kind: "reply", bytes: filled(size) });
    const sizes = Array.from({ length: 50 }, (_, index) => index * 997);
    const answers = await Promise.all(sizes.map((size) => caller.call("/t.T/Echo", filled(size))));
    expect(answers.map((answer) => answer.kind === "reply" && answer.bytes.length)).toEqual(sizes);
  });

  it("starve no small call behind large ones, when windows are too small for all of them", async () => {
    await using service = await serve();
    using caller = leanChannel(service.port, ROOMY);
    await caller.call("/t.T/Echo");
    const large = Array.from({ length: 6 }, () => caller.call("/t.T/Echo", filled(2 * MIB)));
    const small = Array.from({ length: 20 }, (_, index) => caller.call("/t.T/Echo", filled(index)));
    expect((await Promise.all(small)).map(({ kind }) => kind)).toEqual(small.map(() => "reply"));
    for (const answer of await Promise.all(large)) expect(isEcho(answer, 2 * MIB)).toBe(true);
  });

  it("keep a deadline: the service ends what takes too long", async () => {
    await using service = await serve();
    using caller = leanChannel(service.port);
    await caller.call("/t.T/Echo");
    const { outcome } = calling(caller, "/t.T/Hold", 150);
    expect(await outcome).toMatchObject({
      kind: "status",
      status: { code: expect.toSatisfy((code) => code === 4 || code === 1) },
    });
    await expect.poll(() => service.gaveUp).toBe(1);
    expect(await caller.call("/t.T/Echo", filled(3))).toMatchObject({ kind: "reply" });
  });

  it("agree that a call was given up, and go on", async () => {
    await using service = await serve();
    using caller = leanChannel(service.port);
    const { outcome, giveUp } = calling(caller, "/t.T/Hold", 10_000);
    await expect.poll(() => service.began).toBe(1);
    giveUp();
    await expect.poll(() => service.gaveUp).toBe(1);
    expect(await caller.call("/t.T/Echo", filled(3))).toMatchObject({ kind: "reply" });
    expect(await Promise.race([outcome, Promise.resolve("nothing is told")])).toBe("nothing is told");
  });

  it("finish the calls under way when the service says goodbye, and take no new one", async () => {
    await using service = await serve();
    using caller = leanChannel(service.port);
    const held = Array.from({ length: 5 }, () => caller.call("/t.T/Hold", filled(10)));
    await expect.poll(() => service.began).toBe(5);
    service.drain();
    await expect.poll(() => caller.call("/t.T/Echo")).toMatchObject({ kind: "status", status: { code: 14 } });
    service.release();
    for (const answer of await Promise.all(held)) expect(answer).toMatchObject({ kind: "reply" });
  });

  it("lose the calls of a service that is gone, and find the one that takes its place", async () => {
    const before = await serve();
    using caller = leanChannel(before.port);
    const lost = caller.call("/t.T/Hold");
    await expect.poll(() => before.began).toBe(1);
    await before[Symbol.asyncDispose]();
    expect(await lost).toMatchObject({ kind: "status", status: { code: expect.toSatisfy((code) => code === 14 || code === 1) } });
    await using after = await serve(before.port);
    await expect.poll(() => caller.call("/t.T/Echo", filled(3)), { timeout: 5_000 }).toMatchObject({ kind: "reply" });
    expect(after.port).toBe(before.port);
  });
});

describe.each(PEERS)("our server and a client of $name", { timeout: 30_000 }, ({ client }) => {
  const roomy = { limits: { maxStreams: 200, maxMessageBytes: 16 * MIB } };
  const echo: MethodHandler = (call, message) => call.answer(message);

  it("exchange messages of every size, and a hundred at once", async () => {
    using service = await leanServer({ "/t.T/Echo": echo }, roomy);
    await using peer = await client(service.port);
    const call = (bytes: number) => peer.call({ method: "/t.T/Echo", message: filled(bytes) });
    for (const size of SIZES) expect(await call(size)).toMatchObject({ code: 0, bytes: size, same: true });
    const sizes = Array.from({ length: 100 }, (_, index) => index * 997);
    const answers = await Promise.all(sizes.map(call));
    expect(answers.map(({ bytes, same }) => same && bytes)).toEqual(sizes);
  });

  it("starve no small call behind large ones", async () => {
    using service = await leanServer({ "/t.T/Echo": echo }, roomy);
    await using peer = await client(service.port);
    const sizes = [...Array.from({ length: 6 }, () => 2 * MIB), ...Array.from({ length: 20 }, (_, index) => index)];
    const answers = await Promise.all(sizes.map((size) => peer.call({ method: "/t.T/Echo", message: filled(size) })));
    expect(answers.map(({ code, same }) => [code, same])).toEqual(sizes.map(() => [0, true]));
  });

  it("agree on what is refused: a method nobody has, a message above the limit", async () => {
    using service = await leanServer({ "/t.T/Echo": echo }, { limits: { maxStreams: 10, maxMessageBytes: 10 * KIB } });
    await using peer = await client(service.port);
    expect(await peer.call({ method: "/t.T/None", message: filled(1) })).toMatchObject({ code: 12 });
    expect(await peer.call({ method: "/t.T/Echo", message: filled(200 * KIB) })).toMatchObject({ code: 8 });
    expect(await peer.call({ method: "/t.T/Echo", message: filled(10 * KIB) })).toMatchObject({ code: 0, same: true });
  });

  it("tell each other of a deadline and of a call that is given up", async () => {
    const times: number[] = [];
    let gone = 0;
    const hold: MethodHandler = (call) => {
      times.push(call.timeMs ?? -1);
      call.onCancel(() => (gone += 1));
    };
    using service = await leanServer({ "/t.T/Echo": echo, "/t.T/Hold": hold });
    await using peer = await client(service.port);
    await peer.call({ method: "/t.T/Echo", message: filled(1) });
    expect(await peer.call({ method: "/t.T/Hold", message: filled(1), deadlineMs: 300 })).toMatchObject({ code: 4 });
    expect(await peer.call({ method: "/t.T/Hold", message: filled(1), cancelAfterMs: 300 })).toMatchObject({ code: 1 });
    await expect.poll(() => gone).toBe(2);
    expect(times[0]).toBeLessThanOrEqual(310);
    expect(times[1]).toBeGreaterThan(5_000);
  });

  it("lose no call when the server drains, and the client finds the next one on the same port", async () => {
    const finish: (() => void)[] = [];
    const hold: MethodHandler = (call, message) => finish.push(() => call.answer(message));
    using before = await leanServer({ "/t.T/Hold": hold, "/t.T/Echo": echo });
    await using peer = await client(before.port);
    const held = Array.from({ length: 5 }, () => peer.call({ method: "/t.T/Hold", message: filled(10) }));
    await expect.poll(() => finish.length).toBe(5);
    const drained = before.server.drain();
    const served: Buffer[] = [];
    const counted: MethodHandler = (call, message) => {
      served.push(message);
      call.answer(message);
    };
    using after = await leanServer({ "/t.T/Echo": counted }, { port: before.port });
    // calls that were on their way are still answered by the one that leaves: none of them is lost
    do expect(await peer.call({ method: "/t.T/Echo", message: filled(10) })).toMatchObject({ code: 0, same: true });
    while (served.length === 0);
    for (const answer of finish) answer();
    for (const answer of await Promise.all(held)) expect(answer).toMatchObject({ code: 0, same: true });
    await drained;
    expect(after.port).toBe(before.port);
  });
});
