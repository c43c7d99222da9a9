import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InterceptorChannel } from "../../../../src/adapters/review/interceptor-channel.ts";
import type { CallStatus } from "../../../../src/adapters/review/status-to-failure.ts";
import { systemClock } from "../../../../src/adapters/system/clock.ts";
import { err } from "../../../../src/model/result.ts";
import { Events } from "../../../support/events.ts";
import { MemoryLog } from "../../../support/memory-log.ts";
import { testInterceptor, type Script, type TestInterceptor } from "../../../support/test-interceptor.ts";
import { TRANSPORTS } from "../../../../src/adapters/review/transport/transports.ts";

const METHOD = "/test/Stream";
const LIMIT_BYTES = 1_000;

let parts: AsyncDisposableStack;
let service: TestInterceptor;

beforeEach(() => {
  parts = new AsyncDisposableStack();
});

afterEach(() => parts.disposeAsync());

/** A channel to a service that answers so. */
async function channelTo(script: Script, credential?: { token(): ReturnType<typeof err<string>> }): Promise<InterceptorChannel> {
  service = parts.use(await testInterceptor(script));
  const channel = new InterceptorChannel(
    {
      name: "tenancy",
      url: "grpc://test",
      endpoint:
        credential === undefined
          ? { kind: "grpc", host: "127.0.0.1", port: service.port }
          : {
              kind: "unix",
              path: "/nowhere",
              tls: undefined,
              trust: { trustedUids: [], trustedGids: [], peerCredentials: "required" },
            },
      pems: undefined,
      openTransport: TRANSPORTS["grpc-js"],
      gatewayVersion: "0",
      credential,
    },
    LIMIT_BYTES,
    { clock: systemClock(), log: new MemoryLog(), sockets: undefined, onReady: () => {}, onLost: () => {} },
  );
  parts.defer(() => channel.close());
  return channel;
}

/** Opens a stream and writes down what it tells. */
function listen(channel: InterceptorChannel) {
  const heard: string[] = [];
  const [told, ended] = [new Events(), Promise.withResolvers<CallStatus>()];
  const note = (what: string): void => {
    heard.push(what);
    told.add();
  };
  const started = channel.stream(METHOD, Buffer.from("?"), {
    onHeaders: () => note("headers"),
    onMessage: (bytes) => note(bytes.toString()),
    onEnd: (status) => {
      note(`end ${status.code}`);
      ended.resolve(status);
    },
  });
  if (!started.ok) throw new Error(started.error.details);
  return { heard, told, ended: ended.promise, giveUp: started.value };
}

const text = (words: string): Uint8Array => Buffer.from(words);

describe("a server-streaming call", () => {
  it("tells of headers, of each message as it came, and of the end", async () => {
    const channel = await channelTo(() => ({ kind: "messages", list: [text("one"), text("two"), text("")] }));
    const { heard, ended } = listen(channel);
    expect(heard).toEqual([]);
    expect(await ended).toMatchObject({ code: 0 });
    expect(heard).toEqual(["headers", "one", "two", "", "end 0"]);
    expect(service.calls[0]?.message.toString()).toBe("?");
    expect(service.calls[0]?.headers["grpc-timeout"]).toBeUndefined();
  });

  it.each([
    ["a status", { kind: "status", code: 7 }, 7],
    ["a message larger than the channel takes", { kind: "message", bytes: new Uint8Array(LIMIT_BYTES + 1) }, 8],
    ["a frame that says it is compressed", { kind: "raw", bytes: Buffer.from([1, 0, 0, 0, 1, 0]) }, 13],
    ["a reset stream", { kind: "reset", code: 2 }, 13],
    ["a lost connection", { kind: "cut" }, 14],
  ] as const)("ends with the status of %s", async (_what, reply, code) => {
    const { heard, ended } = listen(await channelTo(() => reply));
    expect((await ended).code).toBe(code);
    expect(heard.filter((each) => each.startsWith("end"))).toHaveLength(1);
    expect(heard.every((each) => each === "headers" || each.startsWith("end"))).toBe(true);
  });

  it("tells nothing any more once it was given up, and the service hears of it", async () => {
    const channel = await channelTo(() => ({ kind: "drip", bytes: text("slow"), everyMs: 20 }));
    const { heard, told, giveUp } = listen(channel);
    await told.reach(1);
    giveUp();
    giveUp();
    expect(await service.calls[0]?.closed).toBe(8);
    expect(heard).toEqual(["headers"]);
  });

  it("ends when its connection is replaced, so that the old one is not kept for it", async () => {
    const channel = await channelTo(() => ({ kind: "drip", bytes: text("x".repeat(100)), everyMs: 50 }));
    const { heard, told, ended } = listen(channel);
    await told.reach(1);
    channel.reconnect();
    expect(heard).toEqual(["headers"]);
    expect(await ended).toMatchObject({ code: 14, details: "the connection was replaced" });
    expect(await service.calls[0]?.closed).toBe(8);
  });

  it("is not told of a replaced connection where it was given up meanwhile", async () => {
    const channel = await channelTo(() => ({ kind: "hang" }));
    const { heard, giveUp } = listen(channel);
    channel.reconnect();
    giveUp();
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual([]);
  });

  it("is not begun over a closed channel, nor without a credential that may be shown (C38)", async () => {
    const channel = await channelTo(() => ({ kind: "hang" }));
    channel.close();
    expect(channel.stream(METHOD, Buffer.alloc(0), { onMessage: () => {}, onEnd: () => {} })).toMatchObject({
      error: { code: 14 },
    });
    const without = await channelTo(() => ({ kind: "hang" }), { token: () => err("the token has expired") });
    expect(without.stream(METHOD, Buffer.alloc(0), { onMessage: () => {}, onEnd: () => {} })).toEqual(
      err({ code: 16, details: "the token has expired" }),
    );
  });
});
