import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { begin, oneConnection, send, whole, type Begun } from "../support/http-client.ts";
import { startGateway, withPreamble, type TestGateway } from "../support/start-gateway.ts";
import { startStreamingUpstream } from "../support/start-streaming-upstream.ts";
import { readMetrics } from "./support/metrics.ts";
import { writeFile } from "node:fs/promises";

let upstream: Awaited<ReturnType<typeof startStreamingUpstream>>;
let gateway: TestGateway;
let held: ServerResponse[] = [];

const config = (requests: number): string => `version: 1
listeners: [{ name: public, address: "127.0.0.1:0", limits: { requests: ${requests} }, serves: [jwks] }]
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 200ms
log: { level: debug }
upstreams: { slow: { endpoints: ["${upstream.url}"] } }
routes: [{ name: everything, match: { path: /** }, authenticate: [anonymous], upstream: slow }]
`;

beforeAll(async () => {
  upstream = await startStreamingUpstream((_request, response) => void held.push(response));
  gateway = await startGateway({ config: config(2) });
});
beforeEach(() => {
  held = [];
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
});

/** Fills both places. */
async function fill(): Promise<readonly Begun[]> {
  const begun = [begin(`${gateway.url}/held/1`), begin(`${gateway.url}/held/2`)];
  for (const { request } of begun) request.end();
  await expect.poll(() => held.length, { timeout: 5_000 }).toBe(2);
  return begun;
}

async function finish(begun: readonly Begun[]): Promise<void> {
  for (const response of held) response.end("served");
  for (const { response } of begun) expect((await whole(await response)).text).toBe("served");
}

describe("a listener with as many requests under way as it may have (R12)", () => {
  it("answers 503 with Retry-After at once, keeps the connection, and takes the next when one is over", async () => {
    const begun = await fill();
    const agent = oneConnection();
    for (let index = 0; index < 3; index += 1) {
      const shed = await send(`${gateway.url}/more`, { agent, method: "POST", body: "a small body is read and forgotten" });
      expect([shed.status, shed.headers["retry-after"], shed.headers["connection"]]).toEqual([503, "1", "keep-alive"]);
      expect(shed.json()).toMatchObject({ code: "gateway_overloaded", retryable: true });
      expect(shed.headers["x-request-id"]).toBe(shed.json()["request_id"]);
    }
    expect((await readMetrics(gateway))("sallyport_connections", { listener: "public" })).toBe(3);
    await finish(begun);
    held = [];
    const next = send(`${gateway.url}/next`, { agent });
    await expect.poll(() => held.length, { timeout: 5_000 }).toBe(1);
    held[0]?.end("served");
    expect((await next).text).toBe("served");
    agent.destroy();
  });

  it("closes the connection over a body that is too large to be read for nothing, and asks for none that waits", async () => {
    const begun = await fill();
    const large = begin(`${gateway.url}/upload`, { method: "POST", headers: { "content-length": "10000000" } });
    large.request.on("error", () => {});
    large.request.write("begun");
    const answer = await large.response;
    expect([answer.statusCode, answer.headers["connection"]]).toEqual([503, "close"]);
    large.request.destroy();
    const waits = begin(`${gateway.url}/upload`, { method: "POST", headers: { "content-length": "5", expect: "100-continue" } });
    let isAsked = false;
    waits.request.on("continue", () => (isAsked = true));
    waits.request.on("error", () => {});
    waits.request.flushHeaders();
    expect([(await waits.response).statusCode, isAsked]).toEqual([503, false]);
    waits.request.destroy();
    await finish(begun);
  });

  it("sheds neither health, readiness, metrics nor administration, nor the public keys", async () => {
    const begun = await fill();
    for (const path of ["/health", "/ready", "/metrics"]) expect((await send(`${gateway.adminUrl}${path}`)).status).toBe(200);
    const plan = await send(`${gateway.adminUrl}/admin/plan`, { headers: { authorization: `Bearer ${gateway.adminToken}` } });
    expect(plan.status).toBe(200);
    expect((await send(`${gateway.url}/.well-known/jwks.json`)).status).toBe(200);
    await finish(begun);
  });

  it("counts what it sheds by listener and reason, leaves no line of access log, and says so once a second", async () => {
    const begun = await fill();
    const metrics = await readMetrics(gateway);
    const labels = { listener: "public", reason: "listener_full" };
    const before = metrics("sallyport_shed_total", labels);
    for (let index = 0; index < 20; index += 1) await send(`${gateway.url}/shed`);
    expect((await readMetrics(gateway))("sallyport_shed_total", labels)).toBe(before + 20);
    expect(gateway.exchanges().filter(({ path }) => path === "/shed")).toEqual([]);
    const lines = gateway.lines.filter(({ event }) => event === "requests_shed");
    expect(lines.length).toBeLessThan(10);
    expect(lines[0]).toMatchObject({ level: "warn", under_way: 2 });
    await finish(begun);
  });

  it("takes another bound from a reload, without another listener", async () => {
    const [listener] = gateway.running.listeners;
    await writeFile(gateway.configFile, withPreamble(config(3)));
    await gateway.running.reload("admin");
    const begun = await fill();
    const third = begin(`${gateway.url}/held/3`);
    third.request.end();
    await expect.poll(() => held.length, { timeout: 5_000 }).toBe(3);
    expect((await send(`${gateway.url}/shed`)).status).toBe(503);
    expect(gateway.running.listeners).toEqual([listener]);
    await finish([...begun, third]);
  });
});
