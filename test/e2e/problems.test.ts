import { describe, expect, it } from "vitest";
import { startBlackHole } from "../support/black-hole.ts";
import { freePort } from "../support/free-port.ts";
import { send } from "../support/http-client.ts";
import { oneRoute } from "../support/one-route.ts";
import { startRawUpstream } from "../support/raw-upstream.ts";
import { startGateway } from "../support/start-gateway.ts";
import { startStreamingUpstream } from "../support/start-streaming-upstream.ts";
import { startUpstream } from "../support/start-upstream.ts";

describe("a problem", () => {
  it("is RFC 9457 JSON with a code, whether to retry, and the request id", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({
      config: `upstreams: { echo: { endpoints: ["${upstream.url}"] } }
routes: [{ name: orders, match: { path: /v1/orders/**, methods: [GET, POST] }, authenticate: [anonymous], upstream: echo }]
`,
    });
    const none = await send(`${gateway.url}/nowhere`, { headers: { "x-request-id": "r-404" } });
    expect(none.headers).toMatchObject({ "content-type": "application/problem+json", "cache-control": "no-store" });
    expect(none.json()).toEqual({
      type: expect.stringMatching(/^urn:|^https?:|^about:/),
      title: "No such route",
      status: 404,
      detail: expect.stringMatching(/\.$/),
      instance: expect.any(String),
      code: "route_not_found",
      retryable: false,
      request_id: "r-404",
    });
    const method = await send(`${gateway.url}/v1/orders/1`, { method: "DELETE" });
    expect([method.status, method.json()["code"]]).toEqual([405, "method_not_allowed"]);
    expect(method.headers["allow"]?.split(", ").toSorted()).toEqual(["GET", "HEAD", "POST"]);
    expect(upstream.seen).toEqual([]);
  });

  it("says 502 and nothing internal where the upstream cannot be reached", async () => {
    const closed = await freePort();
    await using gateway = await startGateway({ config: oneRoute(`http://127.0.0.1:${closed}`) });
    const answer = await send(`${gateway.url}/secret-path`);
    expect([answer.status, answer.json()["code"], answer.json()["retryable"]]).toEqual([502, "upstream_unreachable", true]);
    expect(answer.text).not.toMatch(new RegExp(`${closed}|127\\.0\\.0\\.1|ECONN|echo|undici|\\bat `));
    const line = await gateway.lineWhere(({ event }) => event === "exchange");
    expect(line).toMatchObject({
      level: "warn",
      outcome: "failed",
      decided_by: "echo",
      code: "upstream_unreachable",
      status: 502,
      cause: expect.stringContaining("ECONNREFUSED"),
    });
    expect(await (await fetch(`${gateway.adminUrl}/metrics`)).text()).toMatch(
      /^sallyport_upstream_failures_total\{upstream="echo",code="upstream_unreachable"\} 1$/m,
    );
  });

  it("says 504 where the upstream does not answer in time, and hangs up on it", async () => {
    const hungUp = Promise.withResolvers<void>();
    await using upstream = await startStreamingUpstream((request) => void request.socket.once("close", () => hungUp.resolve()));
    await using gateway = await startGateway({
      config: oneRoute(upstream.url, { upstream: ", timeouts: { first_byte: 200ms }" }),
    });
    const answer = await send(gateway.url);
    expect([answer.status, answer.json()["code"], answer.json()["retryable"]]).toEqual([504, "upstream_timeout", true]);
    await hungUp.promise;
  });

  it("says 504 where the upstream lets nobody connect", async () => {
    await using hole = await startBlackHole();
    await using gateway = await startGateway({
      config: oneRoute(`http://127.0.0.1:${hole.port}`, { upstream: ", timeouts: { connect: 200ms, first_byte: 20s }" }),
    });
    const startedMs = performance.now();
    const answer = await send(gateway.url);
    expect([answer.status, answer.json()["code"], answer.json()["retryable"]]).toEqual([504, "upstream_timeout", true]);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    expect(await gateway.lineWhere(({ event }) => event === "exchange")).toMatchObject({
      cause: expect.stringContaining("connect"),
    });
  });

  it.each([
    ["no HTTP", "SSH-2.0-OpenSSH_9.9\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"],
    ["a length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a switch of protocols nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"],
    ["a head that does not end", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(80_000)}`],
  ])("says 502 where the upstream answers with %s", async (_what, bytes) => {
    await using upstream = await startRawUpstream((socket) => void socket.write(bytes));
    await using gateway = await startGateway({ config: oneRoute(upstream.url) });
    const answer = await send(gateway.url);
    expect([answer.status, answer.json()["code"], answer.json()["retryable"]]).toEqual([502, "upstream_invalid_response", false]);
    expect(answer.text).not.toMatch(/HPE_|OpenSSH|xxxx/);
  });

  it("says 413 for a body over the route's limit, declared or not, and lets none of a declared one through", async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: oneRoute(upstream.url, { route: ", max_body_bytes: 1KiB" }) });
    const declared = await send(gateway.url, { body: "x".repeat(1025) });
    const chunked = await send(gateway.url, { method: "POST", body: ["x".repeat(1000), "y".repeat(25)] });
    for (const answer of [declared, chunked]) expect([answer.status, answer.json()["code"]]).toEqual([413, "body_too_large"]);
    // the upstream never has a whole request from either
    expect(upstream.seen).toEqual([]);
    expect((await send(gateway.url, { body: "x".repeat(1024) })).status).toBe(200);
  });
});
