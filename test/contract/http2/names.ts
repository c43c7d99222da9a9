import { once } from "node:events";
import { createServer, type Http2Server, type Http2ServerResponse } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { CancelSource } from "../../../src/model/cancel.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { turn } from "../../support/turn.ts";
import { requestTo, textBody, TIMEOUTS, type UpstreamTo } from "../../support/upstream.ts";

/** Two servers behind one name: the same port of two loopback addresses. Each answers with its own address; `/held` when it is told to. */
async function twins() {
  const addresses = ["127.0.0.1", "127.0.0.2"];
  const servers: Http2Server[] = [];
  const open = addresses.map(() => new Set<Socket>());
  const held: (() => void)[] = [];
  let port = 0;
  for (const [at, address] of addresses.entries()) {
    const server = createServer({}, (request, response: Http2ServerResponse) => {
      if (request.url === "/held") held.push(() => response.end(address));
      else response.end(address);
    });
    server.on("connection", (socket: Socket) => {
      open[at]?.add(socket);
      socket.once("close", () => open[at]?.delete(socket));
    });
    server.listen(port, address);
    await once(server, "listening");
    // a listening TCP server's address is no pipe name
    ({ port } = server.address() as AddressInfo);
    servers.push(server);
  }
  return {
    url: `http://orders.internal:${port}`,
    held,
    openTo: (address: string) => open[addresses.indexOf(address)]?.size ?? 0,
    async [Symbol.asyncDispose]() {
      for (const sockets of open) for (const socket of sockets) socket.destroy();
      for (const server of servers) server.close();
    },
  };
}

/** Endpoints that are names. */
export function followsNamesOverHttp2(upstreamTo: UpstreamTo): void {
  describe("an HTTP/2 upstream whose endpoint is a name", () => {
    it("leaves an address that is gone: its connection takes nothing new, and ends behind what is on it", async () => {
      await using both = await twins();
      const clock = new FakeClock();
      const log = new MemoryLog();
      let addresses = ["127.0.0.1"];
      // in the middle: asked again early, the question would also run out of its time within the step below
      const terms = { clock, log, random: () => 0.5, timeouts: { ...TIMEOUTS, firstByteMs: 120_000 } };
      await using upstream = upstreamTo([both.url], { ...terms, resolve: async () => addresses });
      const ask = async (path = "/"): Promise<string> => {
        const answer = await upstream.send(requestTo("GET", path), new CancelSource());
        return answer.ok ? textBody(answer.value.body) : answer.error.problem;
      };
      expect(await ask()).toBe("127.0.0.1");
      const underWay = ask("/held");
      while (both.held.length === 0) await turn();
      addresses = ["127.0.0.2"];
      clock.advance(33_000);
      while (log.lines.length === 0) await turn();
      expect(log.events).toEqual(["endpoint_addresses_changed"]);
      expect([await ask(), both.openTo("127.0.0.1")]).toEqual(["127.0.0.2", 1]);
      both.held[0]?.();
      expect(await underWay).toBe("127.0.0.1");
      while (both.openTo("127.0.0.1") > 0) await turn();
      expect([await ask(), both.openTo("127.0.0.2")]).toEqual(["127.0.0.2", 1]);
    });

    it("keeps a connection whose address is still one of those it leads to", async () => {
      await using both = await twins();
      const clock = new FakeClock();
      const log = new MemoryLog();
      let addresses = ["127.0.0.1"];
      await using upstream = upstreamTo([both.url], { clock, log, random: () => 0.5, resolve: async () => addresses });
      const ask = async (): Promise<string> => {
        const answer = await upstream.send(requestTo("GET"), new CancelSource());
        return answer.ok ? textBody(answer.value.body) : answer.error.problem;
      };
      expect(await ask()).toBe("127.0.0.1");
      addresses = ["127.0.0.2", "127.0.0.1"];
      clock.advance(33_000);
      while (log.lines.length === 0) await turn();
      expect([await ask(), both.openTo("127.0.0.1")]).toEqual(["127.0.0.1", 1]);
    });

    it("goes on to the next address where one refuses", async () => {
      await using both = await twins();
      await using upstream = upstreamTo([both.url], { resolve: async () => ["127.0.0.3", "127.0.0.2"] });
      const answer = await upstream.send(requestTo("GET"), new CancelSource());
      expect(answer.ok && (await textBody(answer.value.body))).toBe("127.0.0.2");
    });

    it("is unreachable where the name is unknown, and says why", async () => {
      const resolve = async (): Promise<never> => {
        throw new Error("ENOTFOUND orders.internal");
      };
      await using upstream = upstreamTo(["http://orders.internal:80"], { resolve, log: new MemoryLog() });
      expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({
        ok: false,
        error: { problem: "upstream_unreachable", cause: expect.stringContaining("ENOTFOUND"), mayBeSentElsewhere: true },
      });
    });
  });
}
