import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RawClient } from "../support/raw-http.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { startUpstream, type TestUpstream, type UpstreamRequestSeen } from "../support/start-upstream.ts";
import { configuration, interceptorAt } from "./support/configuration.ts";
import { patching, scripted, type Scripted } from "./support/scripted.ts";

/** Names that somebody relies on: an attacker would have them removed behind whoever looked at them. */
const RELIED_ON = [
  // of the gateway's own
  ...["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "x-real-ip", "via"],
  ...["x-request-id", "x-correlation-id", "traceparent", "tracestate", "x-marker"],
  // credentials
  ...["authorization", "cookie", "x-api-key"],
  // where to, how long, what kind
  ...["host", "content-length", "transfer-encoding", "content-type", "content-encoding", "content-range", "expect"],
  ...["range", "origin", "referer", "user-agent", "if-range", "cache-control", "date", "from"],
  ...["sallyport-anything", "sec-websocket-key", "x-http-method-override", "x-original-url"],
];

/** Names that are the connection's own, or nobody's: dropped, and the request goes on. */
const DROPPED = ["keep-alive", "x-mine", "te", "upgrade", "proxy-authorization", "accept-language", "x-tenant"];

describe("a header that Connection names", () => {
  let upstream: TestUpstream;
  let service: Scripted;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await startUpstream();
    service = await scripted(
      [
        {
          id: "stamp",
          phase: "pre-route",
          mode: "mutate",
          needs: [
            ...["/request/path", "/request/headers/x-mine", "/request/headers/accept-language"],
            ...["x-correlation-id", "x-request-id", "traceparent"].map((name) => `/request/headers/${name}`),
          ],
          writes: ["/request/headers/x-marker"],
          ownsHeaders: ["x-marker"],
        },
      ],
      ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/request/headers/x-marker", value: "reviewed" }]),
    );
    const sections = configuration({
      upstreams: { main: { endpoints: [upstream.url], credential: { slot: "bearer", secret: "upstream-key" } } },
      authenticators: {
        ops: { type: "static-token", slots: ["header/x-api-key"], token_file: "ops.token", principal: { id: "ops" } },
      },
      routes: [{ name: "all", match: { path: "/**" }, authenticate: ["ops"], upstream: "main" }],
      interceptors: [interceptorAt(service.port, { bindings: [{ id: "stamp", phase: "pre-route", mode: "mutate" }] })],
    });
    gateway = await startGateway({ files: { ...(await gatewayFiles()), "ops.token": "ops-token-0123456789" }, config: sections });
  });

  afterAll(async () => {
    for (const part of [gateway, service, upstream]) await part?.[Symbol.asyncDispose]();
  });

  /** One request with that Connection line; what the upstream saw of it. */
  async function ask(connection: string): Promise<{ readonly status: number; readonly seen: readonly UpstreamRequestSeen[] }> {
    const before = upstream.seen.length;
    using client = await RawClient.connect(Number(new URL(gateway.url).port));
    const lines = ["Host: a.test", "X-Api-Key: ops-token-0123456789", "X-Mine: 1", "Accept-Language: de", "X-Tenant: acme"];
    client.send(`GET /x HTTP/1.1\r\n${lines.join("\r\n")}\r\nConnection: ${connection}\r\nConnection: close\r\n\r\n`);
    await client.toEnd();
    return { status: client.statuses[0] ?? 0, seen: upstream.seen.slice(before) };
  }

  const spellings = (name: string): readonly string[] => [
    name,
    name.toUpperCase(),
    `close, ${name}`,
    `${name},keep-alive`,
    `, ,\t${name}\t`,
  ];

  it.each(RELIED_ON)("is not removed where somebody relies on it: a request that names %s is refused", async (name) => {
    for (const spelling of spellings(name))
      expect([spelling, await ask(spelling)]).toEqual([spelling, { status: 400, seen: [] }]);
  });

  it.each(DROPPED)("is gone for everybody where it is the connection's own: %s", async (name) => {
    for (const spelling of spellings(name)) {
      const { status, seen } = await ask(spelling);
      expect([spelling, status, seen.length]).toEqual([spelling, 200, 1]);
      const headers = seen[0]?.headers ?? {};
      expect(Object.keys(headers)).not.toContain(name);
      // everything the gateway and its interceptor set is there, once
      expect(headers).toMatchObject({
        "x-marker": "reviewed",
        authorization: "Bearer upstream-key",
        host: "a.test",
        via: "1.1 sallyport",
      });
      for (const own of ["x-forwarded-for", "x-request-id", "x-correlation-id", "traceparent"])
        expect(headers[own]).toMatch(/^[^,]+$/);
      // and what the interceptor was shown is what the upstream got
      expect(service.reviews.at(-1)?.view?.request?.headers.map((shown) => shown.name)).not.toContain(name);
    }
  });

  it("is none of the ids: an interceptor that needs them has those the upstream gets", async () => {
    const { seen } = await ask("x-mine");
    const shown = new Map(service.reviews.at(-1)?.view?.request?.headers.map(({ name, value }) => [name, value]));
    for (const name of ["x-correlation-id", "x-request-id", "traceparent"]) {
      expect(shown.get(name)).toMatch(/^[\w-]{16,}$/);
      expect(shown.get(name)).toBe(seen[0]?.headers[name]);
    }
  });

  it.each(["a b", "x;y", "(close)", '"close"', "x\x80"])(
    "that is no name at all is refused with the request: %j",
    async (value) => {
      expect(await ask(value)).toEqual({ status: 400, seen: [] });
    },
  );
});
