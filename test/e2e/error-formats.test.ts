import { describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { begin, send } from "../support/http-client.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startStreamingUpstream } from "../support/start-streaming-upstream.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";

const INNER = "Traceback (most recent call last): db.internal refused";

/** An upstream that answers with the status its path ends in, behind a route of each form. */
async function behindEachForm(): Promise<{ gateway: TestGateway; upstream: TestUpstream } & AsyncDisposable> {
  const upstream = await startUpstream((request, response) => {
    const status = Number(request.url?.split("/").at(-1));
    response.writeHead(status, { "content-type": "text/plain", "x-inner": INNER, "retry-after": "9" }).end(INNER);
  });
  const gateway = await startGateway({
    config: `upstreams:
  echo: { endpoints: ["${upstream.url}"] }
  gone: { endpoints: ["http://127.0.0.1:${await freePort()}"] }
defaults: { route: { authenticate: [anonymous], upstream_errors: { 5xx: opaque } } }
routes:
  - { name: problem, match: { path: /problem/** }, upstream: echo }
  - { name: openai, match: { path: /openai/** }, upstream: echo, error_format: openai, max_body_bytes: 4B }
  - { name: simple, match: { path: /simple/** }, upstream: echo, error_format: simple }
  - { name: open, match: { path: /open/** }, upstream: echo, upstream_errors: { 5xx: verbatim } }
  - { name: mapped, match: { path: /mapped/** }, upstream: echo, upstream_errors: { 4xx: bad-gateway, 5xx: bad-gateway } }
  - { name: gone, match: { path: /gone/** }, upstream: gone, error_format: openai }
`,
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

describe("errors of an upstream", () => {
  it("of the client's making pass as they are, those of its own lose what they say, on every form of route", async () => {
    await using it = await behindEachForm();
    for (const form of ["problem", "openai", "simple", "open"]) {
      const own = await send(`${it.gateway.url}/${form}/422`);
      expect([own.status, own.text, own.headers["x-inner"]]).toEqual([422, INNER, INNER]);
    }
    const problem = await send(`${it.gateway.url}/problem/503`);
    expect([problem.status, problem.headers["content-type"], problem.headers["retry-after"]]).toEqual([
      503,
      "application/problem+json",
      "9",
    ]);
    expect(problem.json()).toMatchObject({ status: 503, code: "upstream_error", retryable: true });
    const openai = await send(`${it.gateway.url}/openai/500`);
    expect(openai.json()).toEqual({
      error: {
        message: "The upstream could not answer this request.",
        type: "server_error",
        param: null,
        code: "upstream_error",
        retryable: false,
        request_id: openai.headers["x-request-id"],
      },
    });
    expect(openai.headers).toMatchObject({ "content-type": "application/json", "x-should-retry": "false" });
    const simple = await send(`${it.gateway.url}/simple/501`);
    expect(simple.json()).toEqual({
      code: "upstream_error",
      message: "The upstream could not answer this request.",
      retryable: false,
    });
    for (const answer of [problem, openai, simple])
      expect(JSON.stringify([answer.text, answer.rawHeaders])).not.toMatch(/Traceback|internal/);
  });

  it("pass whole or as 502 where the operator says so", async () => {
    await using it = await behindEachForm();
    const open = await send(`${it.gateway.url}/open/500`);
    expect([open.status, open.text]).toEqual([500, INNER]);
    for (const status of [404, 500]) {
      const mapped = await send(`${it.gateway.url}/mapped/${status}`);
      expect([mapped.status, mapped.json()["code"]]).toEqual([502, "upstream_error"]);
    }
    const head = await send(`${it.gateway.url}/problem/500`, { method: "HEAD" });
    expect([head.status, head.text, head.headers["x-inner"]]).toEqual([500, "", undefined]);
  });

  it("leave the connection to the upstream usable", async () => {
    await using upstream = await startStreamingUpstream((_request, response) => void response.writeHead(500).end(INNER));
    await using gateway = await startGateway({
      config: `upstreams: { echo: { endpoints: ["${upstream.url}"] } }
routes: [{ name: all, match: { path: /** }, authenticate: [anonymous], upstream: echo }]
`,
    });
    for (let sent = 0; sent < 5; sent += 1) expect((await send(gateway.url)).status).toBe(500);
    expect(upstream.connections).toBe(1);
  });
});

describe("errors of the gateway", () => {
  it("wear the form of the route that was matched, and RFC 9457 where none was", async () => {
    await using it = await behindEachForm();
    const large = await send(`${it.gateway.url}/openai/200`, { body: "12345" });
    expect([large.status, large.json()]).toEqual([
      413,
      { error: expect.objectContaining({ code: "body_too_large", type: "invalid_request_error" }) },
    ]);
    const gone = await send(`${it.gateway.url}/gone/x`);
    expect([gone.status, gone.headers["x-should-retry"], gone.json()]).toEqual([
      502,
      "true",
      { error: expect.objectContaining({ code: "upstream_unreachable", type: "server_error" }) },
    ]);
    const none = await send(`${it.gateway.url}/nowhere`);
    expect([none.status, none.headers["content-type"]]).toEqual([404, "application/problem+json"]);
  });
});

describe("a stream of events on a route for SDKs of LLM providers", () => {
  const route = (url: string): string => `upstreams: { llm: { endpoints: ["${url}"], timeouts: { idle: 300ms } } }
routes: [{ name: chat, match: { path: /** }, authenticate: [anonymous], upstream: llm, error_format: openai, streaming: sse }]
`;

  it("that fails before its first byte is answered with JSON", async () => {
    await using upstream = await startStreamingUpstream((_request, response) => {
      response.writeHead(500, { "content-type": "text/event-stream" });
      response.end(`data: ${INNER}\n\n`);
    });
    await using gateway = await startGateway({ config: route(upstream.url) });
    const answer = await send(gateway.url, { method: "POST", body: "{}" });
    expect([answer.status, answer.headers["content-type"]]).toEqual([500, "application/json"]);
    expect(answer.json()).toMatchObject({ error: { code: "upstream_error" } });
  });

  it.each([
    ["breaks off", true],
    ["falls silent", false],
  ])("that %s after it began is cut: no JSON, no [DONE], and nobody takes it for complete", async (_what, breaks) => {
    const events = 'data: {"choices":[]}\n\n';
    await using upstream = await startStreamingUpstream((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(events, () => breaks && setTimeout(() => response.destroy(), 50));
    });
    await using gateway = await startGateway({ config: route(upstream.url) });
    expect(await readToItsEnd(gateway.url)).toEqual({ status: 200, text: events, complete: false });
  });
});

async function readToItsEnd(url: string): Promise<{ status: number; text: string; complete: boolean }> {
  const { request, response } = begin(url);
  request.on("error", () => {});
  request.end();
  const message = await response;
  let text = "";
  message.setEncoding("utf8");
  message.on("data", (part: string) => (text += part));
  await new Promise<void>((resolve) => message.on("error", () => {}).once("close", resolve));
  return { status: message.statusCode ?? 0, text, complete: message.complete };
}
