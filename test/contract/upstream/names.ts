import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { describe, expect, it } from "vitest";
import { CancelSource } from "../../../src/model/cancel.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { turn } from "../../support/turn.ts";
import { requestTo, textBody, type UpstreamTo } from "../../support/upstream.ts";

/** Two servers behind one name: the same port of two loopback addresses. Each answers with its own address. */
async function twins() {
  const servers: Server[] = [];
  let port = 0;
  for (const address of ["127.0.0.1", "127.0.0.2"]) {
    const server = createServer((_request, response) => response.end(address));
    server.listen(port, address);
    await once(server, "listening");
    const listening = server.address();
    port = typeof listening === "object" && listening !== null ? listening.port : 0;
    servers.push(server);
  }
  return {
    url: `http://orders.internal:${port}`,
    openTo: (at: number) => new Promise<number>((resolve) => servers[at]?.getConnections((_error, count) => resolve(count))),
    async [Symbol.asyncDispose]() {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

/** Endpoints that are names. */
export function followsNames(upstreamTo: UpstreamTo): void {
  describe("an upstream whose endpoint is a name", () => {
    it("uses all its addresses, leaves those that are gone, and ends connections to them", async () => {
      await using both = await twins();
      const clock = new FakeClock();
      const log = new MemoryLog();
      let addresses = ["127.0.0.1", "127.0.0.2"];
      // in the middle: asked again early, the question would also run out of its time within the step below
      await using upstream = upstreamTo([both.url], { clock, log, random: () => 0.5, resolve: async () => addresses });
      const ask = async (): Promise<string> => {
        const answer = await upstream.send(requestTo("GET"), new CancelSource());
        return answer.ok ? textBody(answer.value.body) : answer.error.problem;
      };
      expect(new Set(await Promise.all(Array.from({ length: 8 }, ask)))).toEqual(new Set(addresses));
      addresses = ["127.0.0.2"];
      clock.advance(33_000);
      while (log.lines.length === 0) await turn();
      expect(log.lines).toMatchObject([
        { event: "endpoint_addresses_changed", fields: { upstream: "orders", endpoint: both.url, addresses: ["127.0.0.2"] } },
      ]);
      while ((await both.openTo(0)) > 0) await turn();
      expect(new Set(await Promise.all(Array.from({ length: 8 }, ask)))).toEqual(new Set(["127.0.0.2"]));
    });

    it("goes on to the next address where one refuses", async () => {
      await using both = await twins();
      await using upstream = upstreamTo([both.url], { resolve: async () => ["127.0.0.3", "127.0.0.2"] });
      for (let i = 0; i < 4; i += 1) {
        const answer = await upstream.send(requestTo("GET", "/", undefined, ["connection", "close"]), new CancelSource());
        expect(answer.ok && (await textBody(answer.value.body))).toBe("127.0.0.2");
      }
    });

    it("is unreachable where the name is unknown, and says why", async () => {
      const resolve = async (): Promise<never> => {
        throw new Error("ENOTFOUND orders.internal");
      };
      const log = new MemoryLog();
      await using upstream = upstreamTo(["http://orders.internal:80"], { resolve, log });
      expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({
        ok: false,
        error: { problem: "upstream_unreachable", cause: expect.stringContaining("ENOTFOUND"), mayBeSentElsewhere: true },
      });
      expect(log.events).toEqual(["endpoint_not_resolved"]);
    });
  });
}
