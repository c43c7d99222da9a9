import { describe, expect, it } from "vitest";
import type { Response } from "../../../../../src/model/exchange.ts";
import { FakeClock } from "../../../../support/fake-clock.ts";
import { startInbound, textResponse } from "../../../../support/inbound.ts";
import { FRAME, RawHttp2, requestFields } from "../../../../support/raw-http2-client.ts";
import { turn } from "../../../../support/turn.ts";

const lastStream = (client: RawHttp2): number | undefined => client.of(FRAME.goaway).at(-1)?.payload.readUInt32BE(0);

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
    await client.closed;
    expect(client.of(FRAME.data, 3)).toHaveLength(1);
    expect([client.goaway, lastStream(client)]).toEqual([0, 3]);
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
