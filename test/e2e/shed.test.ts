import { describe, expect, it } from "vitest";
import { begin, oneConnection, send, whole } from "../support/http-client.ts";
import { oneRoute } from "../support/one-route.ts";
import { startGateway } from "../support/start-gateway.ts";
import { startStreamingUpstream } from "../support/start-streaming-upstream.ts";

describe("more requests under way than the gateway may have", () => {
  it("are answered 503 before their body is read, on a connection that goes on, and those inside are served", async () => {
    const held: (() => void)[] = [];
    await using upstream = await startStreamingUpstream((request, response) => {
      if (request.url === "/hold") held.push(() => response.end("held"));
      else response.end("quick");
    });
    await using gateway = await startGateway({
      config: `version: 1
listeners:
  - { name: public, address: "127.0.0.1:0", limits: { requests: 2 } }
  - { name: other, address: "127.0.0.1:0" }
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 200ms
overload: { requests: 3 }
${oneRoute(upstream.url)}`,
    });
    const [, other] = gateway.running.listeners;
    const otherUrl = `http://127.0.0.1:${other?.port}`;
    const inside = [begin(`${gateway.url}/hold`), begin(`${gateway.url}/hold`)];
    for (const { request } of inside) request.end();
    await expect.poll(() => held.length).toBe(2);

    const agent = oneConnection();
    const shed = await send(`${gateway.url}/quick`, { agent, body: "x".repeat(1_000) });
    expect([shed.status, shed.json()["code"], shed.json()["retryable"], shed.headers["retry-after"]]).toEqual([
      503,
      "gateway_overloaded",
      true,
      "1",
    ]);
    expect(shed.headers["connection"]).not.toBe("close");
    // the client waits for 100 Continue, which it does not get
    const waiting = begin(`${gateway.url}/quick`, {
      method: "POST",
      headers: { expect: "100-continue", "content-length": "5000000" },
    });
    waiting.request.flushHeaders();
    waiting.request.on("continue", () => expect.unreachable("the body of a request that is turned away was asked for"));
    expect((await waiting.response).statusCode).toBe(503);
    waiting.request.destroy();
    // another listener has room, until all together have none
    expect((await send(`${otherUrl}/quick`)).status).toBe(200);
    const third = begin(`${otherUrl}/hold`);
    third.request.end();
    await expect.poll(() => held.length).toBe(3);
    expect((await send(`${otherUrl}/quick`)).status).toBe(503);
    // who looks after the gateway is not turned away
    expect((await fetch(`${gateway.adminUrl}/health`)).status).toBe(200);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/^sallyport_requests_shed_total\{listener="public",reason="listener"\} 2$/m);
    expect(metrics).toMatch(/^sallyport_requests_shed_total\{listener="other",reason="requests"\} 1$/m);

    for (const release of held) release();
    for (const { response } of [...inside, third]) expect((await whole(await response)).text).toBe("held");
    await expect.poll(async () => (await send(`${gateway.url}/quick`, { agent })).status).toBe(200);
    agent.destroy();
    expect(upstream.connections).toBeGreaterThan(0);
  });
});
