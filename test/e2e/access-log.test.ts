import { createHash } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { send } from "../support/http-client.ts";
import { oneRoute } from "../support/one-route.ts";
import { exchangeRaw } from "../support/raw-http.ts";
import { startRawUpstream } from "../support/raw-upstream.ts";
import { startGateway } from "../support/start-gateway.ts";
import { startUpstream } from "../support/start-upstream.ts";

const CANARY = "canary-7f3a91";

const secrets = {
  bearer: `${CANARY}-bearer`,
  apiKey: `${CANARY}-api-key`,
  wrong: `${CANARY}-wrong-one`,
  configured: `${CANARY}-configured-header`,
  query: `${CANARY}-query`,
  cookie: `${CANARY}-cookie`,
  setCookie: `${CANARY}-set-cookie`,
  upstream: `${CANARY}-upstream-credential`,
  body: `${CANARY}-body`,
} as const;

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** A gateway with one open and one guarded route, and its upstream; every place a secret may stand in is used. */
async function guarded() {
  const upstream = await startUpstream((_request, response) => {
    response.writeHead(200, { "set-cookie": `session=${secrets.setCookie}`, "content-type": "application/json" });
    response.end(JSON.stringify({ secret: secrets.body }));
  });
  const gateway = await startGateway({
    config: `secrets: { headers: [x-signature], query: [access_token] }
upstreams:
  echo: { endpoints: ["${upstream.url}"], credential: { slot: header/x-upstream-key, secret_file: upstream.key } }
  gone: { endpoints: ["http://127.0.0.1:1"] }
authenticators:
  ops: { type: static-token, token_file: ops.token, principal: { id: ops } }
  keys: { type: api-key, slots: [header/x-api-key], file: keys.yaml }
routes:
  - { name: open, match: { path: /open/** }, authenticate: [anonymous], upstream: echo }
  - { name: guarded, match: { path: /guarded/** }, authenticate: [keys, ops], upstream: echo, max_body_bytes: 1KiB }
  - { name: gone, match: { path: /gone/** }, authenticate: [keys, ops], upstream: gone }
`,
    files: {
      "ops.token": secrets.bearer,
      "upstream.key": secrets.upstream,
      "keys.yaml": `- { id: k1, sha256: ${sha256(secrets.apiKey)}, principal: { id: kim, tenants: [acme] } }\n`,
    },
  });
  return {
    gateway,
    upstream,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

describe("the access log", () => {
  it("has one line per exchange that tells who asked for what, who decided, and where the time went", async () => {
    await using it = await guarded();
    const headers = {
      authorization: `Bearer ${secrets.bearer}`,
      host: "api.example",
      "x-request-id": "r-1",
      "x-correlation-id": "c-1",
    };
    const answer = await send(`${it.gateway.url}/guarded/a?access_token=1`, { headers, body: "12345" });
    const line = await it.gateway.lineWhere(({ event }) => event === "exchange");
    expect(line).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      event: "exchange",
      request_id: "r-1",
      correlation_id: "c-1",
      trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      revision: expect.stringMatching(/\S/),
      listener: "public",
      client_address: "127.0.0.1",
      method: "POST",
      host: "api.example",
      path: "/guarded/a",
      route: "guarded",
      upstream: "echo",
      principal_id: "ops",
      status: 200,
      outcome: "forwarded",
      decided_by: "upstream",
      complete: true,
      request_bytes: 5,
      response_bytes: answer.body.length,
      review_ms: 0,
      upstream_ms: expect.any(Number),
      total_ms: expect.any(Number),
    });
    expect(Number(line["total_ms"])).toBeGreaterThanOrEqual(Number(line["upstream_ms"]));
  });

  it("tells of every way to be refused, once each", async () => {
    await using it = await guarded();
    const { url } = it.gateway;
    const ask = (path: string, headers: Record<string, string> = {}, body?: string) =>
      send(url + path, { headers, ...(body === undefined ? {} : { body }) });
    const asked = [
      [await ask("/nowhere"), "route_not_found"],
      [await ask("/guarded/x"), "credential_missing"],
      [await ask("/guarded/x", { authorization: `Bearer ${secrets.wrong}` }), "credential_invalid"],
      [await ask("/guarded/x", { "x-api-key": secrets.apiKey }, "x".repeat(1025)), "body_too_large"],
      [await ask("/gone/x", { "x-api-key": secrets.apiKey }), "upstream_unreachable"],
    ] as const;
    await vi.waitFor(() => expect(it.gateway.exchanges()).toHaveLength(asked.length), { timeout: 5_000 });
    for (const [answer, code] of asked) {
      const lines = it.gateway.exchanges().filter((line) => line["request_id"] === answer.headers["x-request-id"]);
      expect(lines).toMatchObject([{ code, status: answer.status }]);
      expect(answer.json()["code"]).toBe(code);
    }
  });

  it("counts what arrived of a body that announced no length, and exchanges that met no route", async () => {
    await using it = await guarded();
    const port = Number(new URL(it.gateway.url).port);
    const head = (path: string) => `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`;
    await exchangeRaw(port, `${head("/open/x")}5\r\nhello\r\n0\r\n\r\n`);
    await exchangeRaw(port, `${head("/nowhere")}0\r\n\r\n`);
    await vi.waitFor(() => expect(it.gateway.exchanges()).toHaveLength(2), { timeout: 5_000 });
    expect(it.gateway.exchanges()).toMatchObject([{ request_bytes: 5 }, { code: "route_not_found", source: "client" }]);
    expect(await (await fetch(`${it.gateway.adminUrl}/metrics`)).text()).toMatch(
      /^sallyport_requests_total\{route="",status_class="4xx"\} 1$/m,
    );
  });

  it("says that the upstream broke its response off, and how", async () => {
    await using upstream = await startRawUpstream((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", () => socket.resetAndDestroy());
    });
    await using gateway = await startGateway({ config: oneRoute(upstream.url) });
    await exchangeRaw(Number(new URL(gateway.url).port), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(await gateway.lineWhere(({ event }) => event === "exchange")).toMatchObject({
      level: "warn",
      outcome: "forwarded",
      complete: false,
      source: "upstream",
      cause: expect.stringMatching(/\S/),
    });
  });

  it("has one line of its own for what never became an exchange", async () => {
    await using it = await guarded();
    const answer = await exchangeRaw(
      Number(new URL(it.gateway.url).port),
      `GET /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    expect(answer).toContain("HTTP/1.1 400 ");
    const line = await it.gateway.lineWhere(({ event }) => event === "request_refused");
    expect(answer).toContain(String(line["request_id"]));
    expect(line).toMatchObject({ level: "info", listener: "public", client_address: "127.0.0.1", code: "bad_request" });
  });
});

describe("secrets", () => {
  it("stand in no log line, no problem and no metric, wherever they were sent", async () => {
    await using it = await guarded();
    const { url } = it.gateway;
    const everywhere = {
      "x-signature": secrets.configured,
      cookie: `session=${secrets.cookie}`,
      "proxy-authorization": `Basic ${secrets.wrong}`,
    };
    const credentials: readonly Record<string, string | string[]>[] = [
      { authorization: `Bearer ${secrets.bearer}` },
      { authorization: `Bearer ${secrets.wrong}` },
      { authorization: `Bearer  ${secrets.wrong} ${secrets.wrong}` },
      { authorization: [`Bearer ${secrets.bearer}`, `Bearer ${secrets.wrong}`] },
      { "x-api-key": secrets.apiKey },
      { "x-api-key": secrets.wrong },
      { "x-api-key": [secrets.apiKey, secrets.wrong] },
      { authorization: `Basic ${secrets.wrong}` },
      {},
    ];
    const problems: string[] = [];
    for (const path of ["/open/a", "/guarded/a", "/gone/a", "/nowhere", "/open/%zz"]) {
      for (const credential of credentials) {
        const headers = { ...everywhere, ...credential };
        const answer = await send(`${url}${path}?access_token=${secrets.query}&q=${secrets.query}`, {
          headers,
          body: JSON.stringify({ pin: secrets.body }),
        });
        if (answer.status >= 400) problems.push(JSON.stringify(answer.rawHeaders) + answer.text);
      }
    }
    // what no parser takes
    const port = Number(new URL(url).port);
    for (const text of [
      `GET /${secrets.query} HTTP/9.9\r\n\r\n`,
      `GET /open/a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${secrets.bearer}\r\nX-Bad\u0000: ${secrets.configured}\r\n\r\n`,
      `${secrets.query}\r\n\r\n`,
    ])
      problems.push(await exchangeRaw(port, text));
    const metrics = await (await fetch(`${it.gateway.adminUrl}/metrics`)).text();
    const plan = await (
      await fetch(`${it.gateway.adminUrl}/admin/plan`, { headers: { authorization: `Bearer ${it.gateway.adminToken}` } })
    ).text();
    await it.gateway.running.reload("admin");
    await vi.waitFor(() => expect(it.gateway.exchanges().length).toBeGreaterThanOrEqual(45), { timeout: 5_000 });

    expect(problems.length).toBeGreaterThan(30);
    expect(it.upstream.seen.length).toBeGreaterThan(0);
    for (const text of [...problems, metrics, plan, ...it.gateway.lines.map((line) => JSON.stringify(line))])
      expect(text).not.toContain(CANARY);
    for (const text of [metrics, plan, ...it.gateway.lines.map((line) => JSON.stringify(line))])
      expect(text).not.toContain(it.gateway.adminToken);
  });

  it("in answers of the upstream reach the client and nobody else", async () => {
    await using it = await guarded();
    const answer = await send(`${it.gateway.url}/open/a`);
    expect([answer.headers["set-cookie"], answer.json()["secret"]]).toEqual([`session=${secrets.setCookie}`, secrets.body]);
    expect(it.upstream.seen[0]?.headers["x-upstream-key"]).toBe(secrets.upstream);
  });
});
