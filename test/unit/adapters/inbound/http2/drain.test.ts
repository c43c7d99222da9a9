import { describe, expect, it } from "vitest";
import type { Response } from "../../../../../src/model/exchange.ts";
import { FakeClock } from "../../../../support/fake-clock.ts";
import { startInbound, textResponse } from "../../../../support/inbound.ts";
import { FLAG, FRAME, frame, RawHttp2, requestFields, type Frame } from "../../../../support/raw-http2-client.ts";
import { turn } from "../../../../support/turn.ts";

const lastStream = (client: RawHttp2): number | undefined => client.of(FRAME.goaway).at(-1)?.payload.readUInt32BE(0);

const isEnd = ({ type, flags }: Frame): boolean =>
  (type === FRAME.data || type === FRAME.headers) && (flags & FLAG.endStream) !== 0;

describe("draining a listener with HTTP/2 connections", () => {
  it("says so, answers what is under way, and then is done", async () => {
    const slow = Promise.withResolvers<Response>();
    await using inbound = await startInbound(() => slow.promise, { protocols: ["h2c"] });
    using client = await RawHttp2.connect(inbound.port);
    client.request(1, requestFields("/slow"));
    await expect.poll(() => inbound.received).toHaveLength(1);
    let drained = false;
    const draining = inbound.listener.drain(30_000).then(() => (drained = true));
    await client.until(() => client.goaway !== undefined);
    expect([client.goaway, lastStream(client)]).toEqual([0, 1]);
    // beyond the last one that counts: never begun here, and the client knows
    client.request(3);
    await turn();
    expect(drained).toBe(false);
    slow.resolve(textResponse("done"));
    await client.closed;
    await draining;
    expect(inbound.received).toHaveLength(1);
    expect(client.of(FRAME.data, 1)[0]?.payload.toString()).toBe("done");
  });

  it("begins nothing more where it must not, be it in the packet that is being read", async () => {
    await using inbound = await startInbound(() => textResponse("ok"), { protocols: ["h2c"] });
    using idle = await RawHttp2.connect(inbound.port);
    using client = await RawHttp2.connect(inbound.port);
    idle.request(1);
    client.request(1);
    await expect.poll(() => inbound.sent).toHaveLength(2);
    client.request(3);
    const draining = inbound.listener.drain(30_000, "nothing");
    client.request(5);
    idle.request(3);
    await Promise.all([client.closed, idle.closed, draining]);
    expect(inbound.received).toHaveLength(2);
  });

  it("answers a request that still comes on a connection without any, and says behind it that it was the last", async () => {
    const clock = new FakeClock();
    await using inbound = await startInbound(() => textResponse("ok"), { protocols: ["h2c"], clock });
    using client = await RawHttp2.connect(inbound.port);
    client.request(1);
    await client.until(() => client.of(FRAME.data, 1).length > 0);
    await expect.poll(() => inbound.sent).toHaveLength(1);
    const draining = inbound.listener.drain(30_000);
    clock.advance(500);
    client.request(3);
    await expect.poll(() => [clock.advance(20), client.goaway]).toEqual([undefined, 0]);
    await client.closed;
    expect(
      client
        .of(FRAME.data, 3)
        .map(({ payload }) => payload.toString())
        .join(""),
    ).toBe("ok");
    expect([client.goaway, lastStream(client)]).toEqual([0, 3]);
    await draining;
  });

  it("takes what was on its way, and says GOAWAY before an answer is whole that would bring the next request", async () => {
    const answers = new Map<string, (response: Response) => void>();
    await using inbound = await startInbound(
      ({ requestTarget }) => new Promise<Response>((resolve) => answers.set(requestTarget, resolve)),
      {
        protocols: ["h2c"],
      },
    );
    using client = await RawHttp2.connect(inbound.port);
    client.acknowledges = false;
    client.request(1, requestFields("/1"));
    await expect.poll(() => answers.size).toBe(1);
    const draining = inbound.listener.drain(30_000);
    await client.until(() => client.of(FRAME.ping).length > 0);
    client.request(3, requestFields("/3"));
    client.request(5, requestFields("/5"));
    await expect.poll(() => answers.size).toBe(3);
    answers.get("/1")?.({ ...textResponse(""), status: 204 });
    answers.get("/3")?.(textResponse("three"));
    await client.until(() => client.of(FRAME.data, 3).length > 0);
    expect(client.frames.filter(isEnd)).toEqual([]);
    client.send(frame(FRAME.ping, { flags: FLAG.ack, payload: client.of(FRAME.ping)[0]?.payload ?? Buffer.alloc(8) }));
    await client.until(() => client.goaway !== undefined);
    answers.get("/5")?.(textResponse("five"));
    await client.closed;
    await draining;
    expect([client.goaway, lastStream(client)]).toEqual([0, 5]);
    const order = client.frames.filter((each) => each.type === FRAME.goaway || isEnd(each)).map(({ stream }) => stream);
    // another GOAWAY comes with the end of the connection
    expect([order[0], order.filter((stream) => stream > 0).toSorted((a, b) => a - b)]).toEqual([0, [1, 3, 5]]);
  });

  it("does not wait for long for a client that acknowledges nothing", async () => {
    const clock = new FakeClock();
    const slow = Promise.withResolvers<Response>();
    await using inbound = await startInbound(() => slow.promise, { protocols: ["h2c"], clock });
    using client = await RawHttp2.connect(inbound.port);
    client.acknowledges = false;
    client.request(1);
    await expect.poll(() => inbound.received).toHaveLength(1);
    const draining = inbound.listener.drain(30_000);
    slow.resolve(textResponse("done"));
    await client.until(() => client.of(FRAME.data, 1).length > 0);
    expect(client.goaway).toBeUndefined();
    clock.advance(500);
    await client.closed;
    expect([client.goaway, client.frames.filter(isEnd).length]).toEqual([0, 1]);
    await draining;
  });

  it("ends idle connections and silent ones soon", async () => {
    const clock = new FakeClock();
    await using inbound = await startInbound(() => textResponse("ok"), { protocols: ["http1", "h2c"], clock });
    using idle = await RawHttp2.connect(inbound.port);
    idle.request(1);
    await idle.until(() => idle.of(FRAME.data, 1).length > 0);
    using silent = await RawHttp2.connect(inbound.port, Buffer.alloc(0));
    await expect.poll(() => inbound.listener.connectionCount).toBe(2);
    const draining = inbound.listener.drain(30_000);
    clock.advance(1_200);
    await turn();
    clock.advance(3_000);
    await Promise.all([idle.closed, silent.closed]);
    await draining;
  });

  it("cuts what is left after its deadline", async () => {
    const clock = new FakeClock();
    await using inbound = await startInbound(
      (_received, cancel) => {
        const { promise, resolve } = Promise.withResolvers<Response>();
        cancel.onAbort(() => resolve(textResponse("nobody is there")));
        return promise;
      },
      { protocols: ["h2c"], clock },
    );
    using client = await RawHttp2.connect(inbound.port);
    client.request(1);
    await expect.poll(() => inbound.received).toHaveLength(1);
    const draining = inbound.listener.drain(5_000);
    clock.advance(5_100);
    await client.closed;
    await turn();
    clock.advance(2_000);
    await draining;
  });
});
