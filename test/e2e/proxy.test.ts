import { describe, expect, it } from "vitest";
import { oneConnection, send } from "../support/http-client.ts";
import { oneRoute } from "../support/one-route.ts";
import { exchangeRaw } from "../support/raw-http.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startStreamingUpstream } from "../support/start-streaming-upstream.ts";
import { startUpstream, type Answering, type TestUpstream } from "../support/start-upstream.ts";

/** A gateway in front of one upstream that answers as told. */
async function pair(answer?: Answering): Promise<{ gateway: TestGateway; upstream: TestUpstream } & AsyncDisposable> {
  const upstream = await startUpstream(answer);
  const gateway = await startGateway({ config: oneRoute(upstream.url) });
  return {
    gateway,
    upstream,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

const portOf = (url: string): number => Number(new URL(url).port);

describe("a plain exchange", () => {
  it("passes method, path, query, headers and body on, and the answer back, byte for byte", async () => {
    const gzipped = Buffer.from("1f8b080000000000000003cb48cdc9c95728cf2fca49e1020086a6103a0c000000", "hex");
    await using it = await pair((_request, response) => {
      response.writeHead(201, {
        "content-type": "application/json",
        "content-encoding": "gzip",
        "content-length": gzipped.length,
        "x-answer": "yes",
        "set-cookie": ["a=1", "b=2"],
      });
      response.end(gzipped);
    });
    const body = '{"n":12345678901234567890,"x":1.0,"e":1e5,"n":2}\r\n';
    const answer = await send(`${it.gateway.url}/v1/a%2Db/c?q=1&q=%20two&empty=&&=x`, {
      method: "PUT",
      headers: { "content-type": "application/json", "x-custom": "one, two", cookie: "c=1; d=2" },
      body,
    });
    const [seen] = it.upstream.seen;
    expect(seen).toMatchObject({ method: "PUT", url: "/v1/a-b/c?q=1&q=%20two&empty=&&=x" });
    expect(seen?.headers).toMatchObject({
      "content-type": "application/json",
      "x-custom": "one, two",
      cookie: "c=1; d=2",
      "content-length": String(body.length),
    });
    expect(seen?.body.toString()).toBe(body);
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({
      "content-encoding": "gzip",
      "x-answer": "yes",
      "set-cookie": "a=1, b=2",
      "content-length": String(gzipped.length),
    });
    expect(answer.body.equals(gzipped)).toBe(true);
  });

  it("keeps connections on both sides: many requests on one client connection use one upstream connection", async () => {
    await using upstream = await startStreamingUpstream((_request, response) => void response.end("ok"));
    await using gateway = await startGateway({ config: oneRoute(upstream.url) });
    const agent = oneConnection();
    for (let sent = 0; sent < 20; sent += 1) expect((await send(`${gateway.url}/`, { agent })).text).toBe("ok");
    agent.destroy();
    expect(upstream.connections).toBe(1);
    expect(await (await fetch(`${gateway.adminUrl}/metrics`)).text()).toMatch(
      /^sallyport_upstream_duration_seconds_count\{upstream="echo"\} 20$/m,
    );
  });

  it("declares a body as the client did: with its length, or chunked", async () => {
    await using it = await pair();
    await send(it.gateway.url, { body: "whole" });
    await send(it.gateway.url, { method: "POST", body: ["in ", "parts"] });
    const [declared, chunked] = it.upstream.seen;
    expect([declared?.headers["content-length"], declared?.headers["transfer-encoding"], declared?.body.toString()]).toEqual([
      "5",
      undefined,
      "whole",
    ]);
    expect([chunked?.headers["content-length"], chunked?.headers["transfer-encoding"], chunked?.body.toString()]).toEqual([
      undefined,
      "chunked",
      "in parts",
    ]);
  });

  it("answers HEAD, 204 and 304 without a body and keeps the head", async () => {
    await using it = await pair((request, response) => {
      const status = Number(request.url?.slice(1));
      response.writeHead(
        status,
        status === 204 ? { "x-status": "204" } : { "x-status": String(status), etag: '"v1"', "content-length": "11" },
      );
      response.end(request.method === "HEAD" || status !== 200 ? undefined : "hello world");
    });
    const port = portOf(it.gateway.url);
    for (const [request, status] of [
      ["HEAD /200", 200],
      ["GET /204", 204],
      ["GET /304", 304],
    ] as const) {
      const text = await exchangeRaw(port, `${request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(text).toContain(`HTTP/1.1 ${status} `);
      expect(text.toLowerCase()).toContain(`x-status: ${status}`);
      if (status === 200) expect(text.toLowerCase()).toContain("content-length: 11");
      if (status === 304) expect(text).toContain('"v1"');
      expect(text.slice(text.indexOf("\r\n\r\n"))).toBe("\r\n\r\n");
    }
  });
});

describe("headers of a connection", () => {
  it("stay on their side: hop-by-hop fields, what Connection names, and the gateway's own names", async () => {
    await using it = await pair((_request, response) => {
      response.writeHead(200, {
        connection: "keep-alive, x-internal",
        "x-internal": "1",
        "keep-alive": "timeout=5",
        "proxy-authenticate": "Basic",
        "sallyport-warning": "made up",
        "x-kept": "yes",
      });
      response.end("ok");
    });
    const lines = [
      "Connection: close, X-Private",
      "X-Private: 1",
      "Keep-Alive: timeout=9",
      "TE: gzip",
      "Upgrade: h2c",
      "Proxy-Authorization: Basic Zm9v",
      "Sallyport-Debug: 1",
      "X-Http-Method-Override: DELETE",
      "X-Kept: yes",
    ];
    const text = (
      await exchangeRaw(portOf(it.gateway.url), `GET / HTTP/1.1\r\nHost: api.example\r\n${lines.join("\r\n")}\r\n\r\n`)
    ).toLowerCase();
    const [seen] = it.upstream.seen;
    for (const name of [
      "x-private",
      "keep-alive",
      "te",
      "upgrade",
      "proxy-authorization",
      "sallyport-debug",
      "x-http-method-override",
    ])
      expect(Object.keys(seen?.headers ?? {})).not.toContain(name);
    expect(seen?.headers).toMatchObject({ host: "api.example", "x-kept": "yes", via: "1.1 sallyport" });
    for (const name of ["x-internal", "keep-alive", "proxy-authenticate", "sallyport-warning"])
      expect(text).not.toContain(`${name}:`);
    expect(text).toContain("x-kept: yes");
    expect(text).toContain("connection: close");
  });

  it("tell the upstream who asked; a stranger's own claims are dropped", async () => {
    await using it = await pair();
    const claims = {
      "x-forwarded-for": "6.6.6.6",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "bank.example",
      forwarded: "for=6.6.6.6",
      "x-real-ip": "6.6.6.6",
    };
    await send(`${it.gateway.url}/`, { headers: { host: "api.example:8080", ...claims } });
    const headers = it.upstream.seen[0]?.headers ?? {};
    expect(headers).toMatchObject({
      host: "api.example:8080",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": "api.example:8080",
    });
    expect(JSON.stringify(headers)).not.toContain("6.6.6.6");
    expect(it.gateway.exchanges()[0]).toMatchObject({ client_address: "127.0.0.1", host: "api.example:8080" });
  });

  it("of a trusted proxy are believed from the last untrusted address on", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({
      config: `trusted_proxies: { cidrs: [127.0.0.0/8, 10.0.0.0/8] }\n${oneRoute(upstream.url)}`,
    });
    await send(`${gateway.url}/`, {
      headers: { "x-forwarded-for": "6.6.6.6, 192.0.2.7, 10.1.2.3", "x-forwarded-proto": "https" },
    });
    expect(upstream.seen[0]?.headers).toMatchObject({
      "x-forwarded-for": "6.6.6.6, 192.0.2.7, 10.1.2.3, 127.0.0.1",
      "x-forwarded-proto": "https",
    });
    const line = await gateway.lineWhere(({ event }) => event === "exchange");
    expect(line["client_address"]).toBe("192.0.2.7");
  });
});

describe("ids of an exchange", () => {
  it("are adopted, sent on, echoed and logged", async () => {
    await using it = await pair();
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const sent = {
      "x-request-id": "req-1",
      "x-correlation-id": "corr-1",
      traceparent: `00-${traceId}-00f067aa0ba902b7-00`,
      tracestate: "vendor=1",
    };
    const answer = await send(it.gateway.url, { headers: sent });
    const headers = it.upstream.seen[0]?.headers ?? {};
    expect(headers).toMatchObject({ "x-request-id": "req-1", "x-correlation-id": "corr-1", tracestate: "vendor=1" });
    expect(headers["traceparent"]).toMatch(new RegExp(`^00-${traceId}-(?!00f067aa0ba902b7)[0-9a-f]{16}-00$`));
    expect(answer.headers).toMatchObject({ "x-request-id": "req-1", "x-correlation-id": "corr-1" });
    const line = await it.gateway.lineWhere(({ event }) => event === "exchange");
    expect(line).toMatchObject({ request_id: "req-1", correlation_id: "corr-1", trace_id: traceId });
  });

  it("are made where there are none or unusable ones, also on a problem", async () => {
    await using it = await pair();
    const headers = { "x-request-id": "two, ids", traceparent: "00-zz-1-00", tracestate: "vendor=1" };
    const answer = await send(`${it.gateway.url}/x`, { headers });
    const seen = it.upstream.seen[0]?.headers ?? {};
    const requestId = answer.headers["x-request-id"] ?? "";
    expect(requestId).toMatch(/^[\w-]{16,}$/);
    expect(seen).toMatchObject({ "x-request-id": requestId, "x-correlation-id": requestId });
    expect(seen["traceparent"]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(seen["tracestate"]).toBeUndefined();
    const problem = await send(`${it.gateway.url}/a%00`, { headers: { "x-correlation-id": "corr-2" } });
    expect(problem.status).toBe(400);
    expect(problem.headers["x-request-id"]).toBe(problem.json()["request_id"]);
    expect(problem.headers["x-correlation-id"]).toBe("corr-2");
  });
});
