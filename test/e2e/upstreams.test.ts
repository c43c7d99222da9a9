import { readFile, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { send } from "../support/http-client.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startUpstream, type Answering, type TestUpstream } from "../support/start-upstream.ts";
import { SteadyLoad } from "../support/steady-load.ts";
import { startUpstreamProcess, type UpstreamProcess } from "../support/upstream-process.ts";
import { readMetrics } from "./support/metrics.ts";
import { oneToEach, withWorkers } from "./support/with-workers.ts";

let parts: AsyncDisposableStack;

beforeEach(() => {
  parts = new AsyncDisposableStack();
});

afterEach(() => parts.disposeAsync());

const routed = (upstreams: string): string => `upstreams:
${upstreams}
routes: [{ name: all, match: { path: /** }, authenticate: [anonymous], upstream: main }]
`;

const gatewayOver = async (upstreams: string, files: Readonly<Record<string, string>> = {}): Promise<TestGateway> =>
  parts.use(await startGateway({ config: routed(upstreams), files }));

const upstream = async (answer?: Answering): Promise<TestUpstream> => parts.use(await startUpstream(answer));

const program = async (choice?: Parameters<typeof startUpstreamProcess>[0]): Promise<UpstreamProcess> =>
  parts.use(await startUpstreamProcess(choice));

/** On a machine that has other things to do. */
const PATIENT = { timeout: 20_000 };

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const eventsOf = ({ lines }: TestGateway, ...events: readonly string[]): readonly string[] =>
  lines.filter(({ event }) => events.includes(event)).map(({ event, endpoint_index: index }) => `${event} ${String(index)}`);

describe("an upstream of two endpoints", () => {
  it("loses no idempotent request when one is killed under load, and uses it again when it is back (R7, R14)", async () => {
    const [one, other] = [await program({ delayMs: 2 }), await program({ delayMs: 2 })];
    const gateway = await gatewayOver(`  main:
    endpoints: ["${one.url}", "${other.url}"]
    retry: { on: [connect, reset], budget_min: 20 }
    breaker: { open: 500ms }`);
    const load = new SteadyLoad(gateway.url, 4);
    await expect.poll(() => load.sent, PATIENT).toBeGreaterThan(100);
    await other.kill();
    await gateway.lineWhere(({ event }) => event === "breaker_opened", PATIENT.timeout);
    await expect.poll(() => load.sent, PATIENT).toBeGreaterThan(300);
    const back = await program({ port: other.port, delayMs: 2 });
    await gateway.lineWhere(({ event }) => event === "breaker_closed", PATIENT.timeout);
    await pause(300);
    const { sent, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(300);
    expect(eventsOf(gateway, "breaker_opened", "breaker_closed")).toEqual(["breaker_opened 1", "breaker_closed 1"]);
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(`${gateway.url}/after`)));
    expect(answers.map(({ text }) => text)).toContain(String(back.pid));
  });

  it("gives up the one that hangs: only its first requests wait for it, and they are answered by the other (R13, R14)", async () => {
    const [one, other] = [await program(), await program()];
    const gateway = await gatewayOver(`  main:
    endpoints: ["${one.url}", "${other.url}"]
    timeouts: { first_byte: 250ms }
    retry: { on: [connect, timeout], budget_min: 20 }`);
    // connections to both stand
    for (let i = 0; i < 4; i += 1) await send(`${gateway.url}/warm`);
    other.freeze();
    const load = new SteadyLoad(gateway.url, 10);
    await gateway.lineWhere(({ event }) => event === "breaker_opened", PATIENT.timeout);
    await expect.poll(() => load.sent, PATIENT).toBeGreaterThan(150);
    const { failures } = await load.stop();
    other.resume();
    expect(failures).toEqual([]);
    const times = gateway.exchanges().map(({ upstream_ms: ms }) => Number(ms));
    // those that were on their way to it until the fifth in a row had waited its time
    expect(times.filter((ms) => ms > 200).length).toBeLessThan(25);
  });

  it("keeps what it knows of its endpoints over a reload that does not concern it", async () => {
    const well = await upstream();
    const dead = await program();
    await dead.kill();
    const gateway = await gatewayOver(`  main: { endpoints: ["${well.url}", "${dead.url}"] }`);
    for (let i = 0; i < 12; i += 1) expect((await send(`${gateway.url}/a`)).status).toBe(200);
    await gateway.lineWhere(({ event }) => event === "breaker_opened", PATIENT.timeout);
    const text = await readFile(gateway.configFile, "utf8");
    await writeFile(gateway.configFile, text.replace("name: all,", "name: every,"));
    await gateway.lineWhere(({ event }) => event === "config_reloaded");
    for (let i = 0; i < 12; i += 1) expect((await send(`${gateway.url}/b`)).status).toBe(200);
    const metric = await readMetrics(gateway);
    expect(metric("sallyport_upstream_endpoint_requests_total", { upstream: "main", endpoint: "1" })).toBe(5);
    expect(metric("sallyport_upstream_endpoint_out", { upstream: "main", endpoint: "1" })).toBe(1);
    expect(metric("sallyport_upstream_retries_total", { upstream: "main", outcome: "sent" })).toBe(5);
    expect(eventsOf(gateway, "breaker_opened")).toEqual(["breaker_opened 1"]);
  });

  it("asks them whether they are well, and takes out the one that says no before a request meets it", async () => {
    let sick = false;
    const one = await upstream();
    const other = await upstream((request, response) => {
      response.statusCode = sick && request.url === "/healthz?deep" ? 500 : 200;
      response.end();
    });
    const gateway = await gatewayOver(`  main:
    endpoints: ["${one.url}", "${other.url}"]
    health: { path: "/healthz?deep", host: orders.internal, interval: 100ms, healthy: 1, unhealthy: 2 }`);
    await expect.poll(() => other.seen.length).toBeGreaterThan(0);
    expect(other.seen[0]).toMatchObject({ method: "GET", url: "/healthz?deep", headers: { host: "orders.internal" } });
    sick = true;
    await gateway.lineWhere(({ event }) => event === "endpoint_down");
    for (let i = 0; i < 6; i += 1) await send(`${gateway.url}/a`);
    expect(other.seen.filter(({ url }) => url === "/a")).toEqual([]);
    sick = false;
    await gateway.lineWhere(({ event }) => event === "endpoint_up");
    for (let i = 0; i < 6; i += 1) await send(`${gateway.url}/b`);
    expect(other.seen.filter(({ url }) => url === "/b")).toHaveLength(3);
    expect(eventsOf(gateway, "endpoint_down", "endpoint_up")).toEqual(["endpoint_down 1", "endpoint_up 1"]);
  });
});

describe("repeats towards an upstream", () => {
  it("stay within a fifth of what is under way, or three, and are never a second POST (R14)", async () => {
    const [first, again] = [new Set<string>(), new Set<string>()];
    let mostAgain = 0;
    const main = await upstream(({ url = "" }, response) => {
      if (first.has(url)) again.add(url);
      first.add(url);
      mostAgain = Math.max(mostAgain, again.size);
      setTimeout(() => {
        again.delete(url);
        response.statusCode = 503;
        response.end();
      }, 50);
    });
    const gateway = await gatewayOver(`  main:
    endpoints: ["${main.url}"]
    retry: { attempts: 3, statuses: [503], backoff: 0ms }
    breaker: { failures: 0 }`);
    const ids = Array.from({ length: 200 }, (_, index) => index);
    const statuses = await Promise.all(
      ids.map(async (id) => (await send(`${gateway.url}/${id}`, id % 2 === 0 ? {} : { method: "POST", body: "{}" })).status),
    );
    expect(new Set(statuses)).toEqual(new Set([503]));
    const counts = new Map<string, number>();
    for (const { method, url } of main.seen) counts.set(`${method} ${url}`, (counts.get(`${method} ${url}`) ?? 0) + 1);
    expect([...counts].filter(([name, count]) => name.startsWith("POST") && count !== 1)).toEqual([]);
    // at no time more than a fifth of all there were
    expect(mostAgain).toBeLessThanOrEqual(200 / 5);
    expect(main.seen.length).toBeGreaterThan(200);
    const metric = await readMetrics(gateway);
    expect(metric("sallyport_upstream_retries_total", { upstream: "main", outcome: "sent" })).toBe(main.seen.length - 200);
    expect(metric("sallyport_upstream_retries_total", { upstream: "main", outcome: "refused" })).toBeGreaterThan(0);
  });

  it("take a body of several megabytes to another endpoint whole where the first cannot be connected to", async () => {
    const well = await upstream();
    const dead = await program();
    await dead.kill();
    const gateway = await gatewayOver(`  main: { endpoints: ["${dead.url}", "${well.url}"] }`);
    const body = Buffer.alloc(5_000_000, "x");
    expect(
      (await send(`${gateway.url}/a`, { method: "POST", body: [body.subarray(0, 2_000_000), body.subarray(2_000_000)] })).status,
    ).toBe(200);
    expect(well.seen[0]?.body.equals(body)).toBe(true);
  });
});

describe("a fallback", () => {
  const CREDENTIALS = { "main.key": "main-secret", "spare.key": "spare-secret" };

  const withSpare = (main: string, spare: string): string => `  main:
    endpoints: ["${main}"]
    credential: { slot: header/x-api-key, secret_file: main.key }
    fallback: [spare]
  spare:
    endpoints: ["${spare}"]
    credential: { slot: bearer, secret_file: spare.key }`;

  it("answers where the upstream cannot be reached, with its own credential and no other's", async () => {
    const spare = await upstream();
    const dead = await program();
    await dead.kill();
    const gateway = await gatewayOver(withSpare(dead.url, spare.url), CREDENTIALS);
    for (let i = 0; i < 8; i += 1)
      expect((await send(`${gateway.url}/a`, { method: "POST", body: ["one", "two"] })).status).toBe(200);
    expect(spare.seen).toHaveLength(8);
    expect(spare.seen[0]?.headers).toMatchObject({ authorization: "Bearer spare-secret" });
    expect(JSON.stringify(spare.seen[0]?.rawHeaders)).not.toContain("main-secret");
    expect(spare.seen[0]?.body.toString()).toBe("onetwo");
    await expect.poll(() => gateway.exchanges().length).toBe(8);
    expect(gateway.exchanges()[0]).toMatchObject({ upstream: "spare", decided_by: "upstream", status: 200 });
    const metric = await readMetrics(gateway);
    expect(metric("sallyport_upstream_fallbacks_total", { upstream: "main", fallback: "spare" })).toBe(8);
    expect(metric("sallyport_upstream_failures_total", { upstream: "main", code: "upstream_unreachable" })).toBe(8);
    // from the fifth on it was not even tried
    expect(metric("sallyport_upstream_endpoint_requests_total", { upstream: "main", endpoint: "0" })).toBe(5);
  });

  it("is not asked for what the upstream may have done already", async () => {
    const spare = await upstream();
    const breaking = await upstream((request) => request.socket.destroy());
    const gateway = await gatewayOver(withSpare(breaking.url, spare.url), CREDENTIALS);
    expect((await send(`${gateway.url}/a`, { method: "POST", body: "{}" })).status).toBe(502);
    expect(spare.seen).toEqual([]);
    expect((await send(`${gateway.url}/a`)).status).toBe(200);
    expect(spare.seen.map(({ method }) => method)).toEqual(["GET"]);
  });

  it("has fallbacks of its own, and the last one's failure is what the client is told", async () => {
    const dead = await program();
    await dead.kill();
    const last = await upstream((_request, response) => response.writeHead(201).end());
    const chain = (end: string): string => `  main: { endpoints: ["${dead.url}"], fallback: [a, b] }
  a: { endpoints: ["${dead.url}"], fallback: [c] }
  b: { endpoints: ["${end}"] }
  c: { endpoints: ["${dead.url}"] }`;
    expect((await send(`${(await gatewayOver(chain(last.url))).url}/a`)).status).toBe(201);
    const broken = await gatewayOver(chain(dead.url));
    const answer = await send(`${broken.url}/a`);
    expect(answer.json()).toMatchObject({ status: 502, code: "upstream_unreachable" });
    await expect.poll(() => broken.exchanges()).toMatchObject([{ upstream: "b", decided_by: "b" }]);
  });
});

describe("a fallback on a response", () => {
  const GEO = '{"error":{"code":"unsupported_country_region_territory"}}';

  it("is asked once more what a provider refused by country, with its own credential; any other refusal is the answer", async () => {
    const main = await upstream(({ url }, response) => {
      response.writeHead(403, { "content-type": "application/json" });
      response.end(url === "/geo" ? GEO : '{"error":{"code":"forbidden"}}');
    });
    const relay = await upstream((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
      response.end("data: [DONE]\n\n");
    });
    const gateway = await gatewayOver(
      `  main:
    endpoints: ["${main.url}"]
    credential: { slot: header/x-api-key, secret_file: main.key }
    fallback: [{ upstream: relay, on: { statuses: [403], body_contains: unsupported_country_region_territory } }]
  relay:
    endpoints: ["${relay.url}"]
    credential: { slot: bearer, secret_file: relay.key }`,
      { "main.key": "main-secret", "relay.key": "relay-secret" },
    );
    const body = `{"messages":"${"x".repeat(200_000)}"}`;
    const json = { "content-type": "application/json" };
    const answer = await send(`${gateway.url}/geo`, { method: "POST", headers: json, body });
    expect([answer.status, answer.text]).toEqual([200, "data: 1\n\ndata: [DONE]\n\n"]);
    expect(relay.seen[0]?.headers).toMatchObject({ authorization: "Bearer relay-secret" });
    expect(JSON.stringify(relay.seen[0]?.rawHeaders)).not.toContain("main-secret");
    expect([main.seen[0]?.body.toString(), relay.seen[0]?.body.toString()]).toEqual([body, body]);
    const other = await send(`${gateway.url}/other`, { method: "POST", headers: json, body });
    expect([other.status, other.text, relay.seen.length]).toEqual([403, '{"error":{"code":"forbidden"}}', 1]);
    // more than is kept is sent once, and what it was answered is the answer
    const large = await send(`${gateway.url}/geo`, { method: "POST", headers: json, body: "x".repeat(2_000_000) });
    expect([large.status, large.text, relay.seen.length]).toEqual([403, GEO, 1]);
    await expect.poll(() => gateway.exchanges().map(({ upstream: name }) => name)).toEqual(["relay", "main", "main"]);
    const metric = await readMetrics(gateway);
    expect(metric("sallyport_upstream_fallbacks_total", { upstream: "main", fallback: "relay" })).toBe(1);
  });
});

describe("consistent hashing", () => {
  it("takes requests with the same header to the same endpoint, in every worker", { timeout: 60_000 }, async () => {
    const endpoints = [await upstream(), await upstream(), await upstream()];
    await using gateway = await withWorkers({
      sections: routed(`  main:
    endpoints: [${endpoints.map(({ url }) => `"${url}"`).join(", ")}]
    balance: hash
    hash_by: header/x-session`),
    });
    const connections = [...(await oneToEach(gateway)).values()];
    expect(connections).toHaveLength(2);
    const before = endpoints.map(({ seen }) => seen.length);
    const agents = Array.from({ length: 8 }, (_, index) => `session-${index}`);
    for (let round = 0; round < 6; round += 1)
      for (const session of agents) await send(`${gateway.url}/x`, { headers: { "x-session": session, connection: "close" } });
    const seenBy = new Map<string, Set<number>>();
    for (const [at, { seen }] of endpoints.entries())
      for (const { headers } of seen.slice(before[at]))
        seenBy.set(headers["x-session"] ?? "", (seenBy.get(headers["x-session"] ?? "") ?? new Set()).add(at));
    expect([...seenBy.keys()].toSorted()).toEqual(agents);
    for (const where of seenBy.values()) expect(where.size).toBe(1);
    for (const connection of connections) connection.close();
  });
});
