import { describe, expect, it } from "vitest";
import type { Response } from "../../../../src/model/exchange.ts";
import { HeaderLines } from "../../../../src/model/header-lines.ts";
import { HandStream } from "../../../support/byte-flow.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { startInbound, textResponse } from "../../../support/inbound.ts";
import { RawClient } from "../../../support/raw-http.ts";
import { turn } from "../../../support/turn.ts";

const GET = "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n";
describe("draining a listener", () => {
  it("stops accepting, finishes what is under way with connection: close, and then is done", async () => {
    const answered = Promise.withResolvers<Response>();
    await using inbound = await startInbound(() => answered.promise);
    using client = await RawClient.connect(inbound.port);
    client.send(GET);
    while (inbound.received.length === 0) await turn();
    let drained = false;
    const draining = inbound.listener.drain(30_000).then(() => (drained = true));
    await expect(RawClient.connect(inbound.port)).rejects.toThrow(/ECONNREFUSED/);
    await turn();
    expect(drained).toBe(false);
    answered.resolve(textResponse("done"));
    const answer = await client.toEnd();
    expect(answer).toContain("done");
    expect(answer.toLowerCase()).toContain("connection: close");
    await draining;
  });

  it("still answers a request that arrives on a kept-alive connection, once", async () => {
    const clock = new FakeClock();
    await using inbound = await startInbound(() => textResponse("ok"), { clock });
    using client = await RawClient.connect(inbound.port);
    client.send(GET);
    await client.until((received) => received.includes("ok"));
    const draining = inbound.listener.drain(30_000);
    clock.advance(500);
    client.send(GET);
    const answer = await client.toEnd();
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(answer.toLowerCase()).toContain("connection: close");
    await draining;
  });

  it("answers a request whose bytes are here and unread when its time is over: who is late is this process", async () => {
    const clock = new FakeClock();
    await using inbound = await startInbound(() => textResponse("ok"), { clock });
    using kept = await RawClient.connect(inbound.port);
    kept.send(GET);
    await kept.until((received) => received.includes("ok"));
    using fresh = await RawClient.connect(inbound.port);
    while (inbound.listener.connectionCount < 2) await turn();
    const draining = inbound.listener.drain(30_000);
    kept.send(GET);
    fresh.send(GET);
    clock.advance(1_200);
    expect((await kept.toEnd()).match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect((await fresh.toEnd()).match(/HTTP\/1\.1 200/g)).toHaveLength(1);
    await draining;
  });

  it("closes connections that stay idle, soon", async () => {
    const clock = new FakeClock();
    await using inbound = await startInbound(() => textResponse("ok"), { clock });
    using used = await RawClient.connect(inbound.port);
    using fresh = await RawClient.connect(inbound.port);
    used.send(GET);
    await used.until((received) => received.includes("ok"));
    while (inbound.listener.connectionCount < 2) await turn();
    const draining = inbound.listener.drain(30_000);
    clock.advance(900);
    await turn();
    expect(inbound.listener.connectionCount).toBe(2);
    clock.advance(200);
    await draining;
    await Promise.all([used.closed, fresh.closed]);
  });

  it.each(["node", "sallyport"] as const)(
    "begins nothing more where it must not, and finishes what is under way (%s)",
    async (codec) => {
      const answered = Promise.withResolvers<Response>();
      await using inbound = await startInbound(() => answered.promise, { codec });
      using busy = await RawClient.connect(inbound.port);
      using fresh = await RawClient.connect(inbound.port);
      using begun = await RawClient.connect(inbound.port);
      busy.send(GET + GET);
      begun.send(GET.slice(0, 20));
      while (inbound.received.length === 0 || inbound.listener.connectionCount < 3) await turn();
      const draining = inbound.listener.drain(30_000, "nothing");
      fresh.send(GET);
      begun.send(GET.slice(20));
      busy.send(GET);
      await Promise.all([fresh.closed, begun.closed]);
      answered.resolve(textResponse("done"));
      expect((await busy.toEnd()).match(/HTTP\/1\.1 200/g)).toHaveLength(1);
      await draining;
      expect(inbound.received).toHaveLength(1);
    },
  );

  it("cuts what is left at the deadline", async () => {
    const clock = new FakeClock();
    const stream = new HandStream();
    await using inbound = await startInbound(() => ({ status: 200, headers: HeaderLines.EMPTY, body: stream }), { clock });
    using client = await RawClient.connect(inbound.port);
    client.send(GET);
    await client.until((received) => received.includes("chunked"));
    const draining = inbound.listener.drain(5_000);
    clock.advance(4_900);
    await turn();
    expect(inbound.listener.connectionCount).toBe(1);
    clock.advance(200);
    await draining;
    expect(stream.cancelled).toBe(true);
    expect(inbound.sent).toMatchObject([{ completed: false }]);
  });

  it("is done at once when nobody is there, and closing twice is harmless", async () => {
    await using inbound = await startInbound(() => textResponse("ok"));
    await inbound.listener.drain(30_000);
    await inbound.listener.close();
  });
});
