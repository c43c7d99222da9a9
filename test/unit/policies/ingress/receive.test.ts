import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Exchange } from "../../../../src/model/exchange.ts";
import { HeaderLines } from "../../../../src/model/header-lines.ts";
import type { Received } from "../../../../src/model/received.ts";
import { ingress, type IngressSettings } from "../../../../src/policies/ingress/receive.ts";
import { addressSet } from "../../../../src/support/cidr.ts";
import { fixedIds } from "../../../support/fixed-ids.ts";
import { receivedWith } from "../../../support/received.ts";

type Line = readonly [string, string];

function settings(
  change: {
    readonly cidrs?: readonly string[];
    readonly headers?: "x-forwarded" | "forwarded" | "none";
    readonly once?: readonly string[];
  } = {},
): IngressSettings {
  const addresses = addressSet(change.cidrs ?? []);
  if (!addresses.ok) throw new Error(addresses.error);
  return {
    trustedProxies: { addresses: addresses.value, headers: change.headers ?? "x-forwarded" },
    singleValued: new Set(change.once ?? []),
  };
}

function accepted(received: Received, given = settings()): Exchange {
  const arrival = ingress(given)(received, fixedIds());
  if (arrival.kind === "refused") throw new Error(arrival.refusal.detail);
  return arrival.exchange;
}

function refusal(received: Received, given = settings()): { readonly problem: string; readonly detail: string } {
  const arrival = ingress(given)(received, fixedIds());
  return arrival.kind === "refused" ? arrival.refusal : { problem: "none", detail: "" };
}

const namesOf = (exchange: Exchange): readonly string[] => [...exchange.head.headers.names()];

describe("a request at ingress", () => {
  it("becomes an exchange whose head is what will be shown and forwarded", () => {
    const exchange = accepted(
      receivedWith(
        [
          ["X-B", "1"],
          ["x-a", "caf\xe9"],
          ["X-B", "2"],
          ["Content-Length", "5"],
        ],
        { requestTarget: "/v1//orders/./%7ea?q=%20&q=+" },
      ),
    );
    expect(exchange.head).toMatchObject({
      method: "GET",
      scheme: "http",
      host: "api.test",
      path: "/v1/orders/~a",
      query: "q=%20&q=+",
    });
    expect(exchange.head.headers.toRaw()).toEqual([
      ...["Host", "api.test", "X-B", "1", "x-a", "caf\xe9", "X-B", "2", "Content-Length", "5"],
      ...["x-forwarded-for", "203.0.113.9", "x-forwarded-proto", "http", "x-forwarded-host", "api.test"],
      ...["x-request-id", "req-1", "x-correlation-id", "req-1", "traceparent", exchange.ids.traceparent],
    ]);
    expect(exchange).toMatchObject({
      listener: "public",
      protocol: "http",
      client: { address: "203.0.113.9", tlsSubject: "" },
      principal: { anonymous: true },
      tenant: "",
    });
  });

  it.each([
    ["/", "/", undefined],
    ["/?", "/", ""],
    ["/a?b?c", "/a", "b?c"],
    ["http://api.test", "/", undefined],
    ["http://API.test/a?b", "/a", "b"],
    ["http://api.test?b", "/", "b"],
    ["/a/../b", "/b", undefined],
    ["//evil.test/a", "/evil.test/a", undefined],
  ])("for %s is read as path %s, query %s", (requestTarget, path, query) => {
    expect(accepted(receivedWith([], { requestTarget })).head).toMatchObject({ path, query });
  });

  it.each([
    ["*", "route_not_found"],
    ["http://other.test/", "bad_request"],
    ["https://api.test/", "bad_request"],
    ["http://user@api.test/", "bad_request"],
    ["ftp://api.test/", "bad_request"],
    ["api.test:80", "bad_request"],
    ["", "bad_request"],
    ["/a#b", "bad_request"],
    ["/a b", "bad_request"],
    ["/caf\xe9", "bad_request"],
    ["/?caf\xe9", "bad_request"],
    ["/a%2fb", "bad_request"],
    ["/a%5cb", "bad_request"],
    ["/a\\b", "bad_request"],
    ["/a%00", "bad_request"],
    ["/%252e%252e/a", "bad_request"],
    ["/../a", "bad_request"],
    ["/%zz", "bad_request"],
  ])("for %j is refused: %s", (requestTarget, problem) => {
    expect(refusal(receivedWith([], { requestTarget, method: "OPTIONS" })).problem).toBe(problem);
  });

  it.each([["TRACE"], ["TRACK"], ["CONNECT"]])("by %s is refused with 405", (method) => {
    expect(refusal(receivedWith([], { method })).problem).toBe("method_not_allowed");
  });

  it.each([["get"], ["G T"], [""], ["GET\r\n"], ["__PROTO__"]])("by the method %j is refused", (method) => {
    expect(refusal(receivedWith([], { method })).problem).toBe("bad_request");
  });

  it.each([
    ["api.test", "api.test"],
    ["API.Test:8080", "api.test:8080"],
    ["my_service:80", "my_service:80"],
    ["127.0.0.1", "127.0.0.1"],
    ["[::1]:8080", "[::1]:8080"],
    ["[2001:DB8::1]", "[2001:db8::1]"],
  ])("to the host %s is for %s", (host, normal) => {
    const exchange = accepted(receivedWith([], { headers: HeaderLines.of(["host", host]) }));
    expect(exchange.head.host).toBe(normal);
    expect(exchange.head.headers.lines("host")).toEqual([normal]);
  });

  it.each([
    [[]],
    [["a.test", "b.test"]],
    [["a.test", "a.test"]],
    ...[
      "",
      "a.test.",
      ".a.test",
      "a..test",
      "u@a.test",
      "a.test:",
      "a.test:080",
      "a.test:0",
      "a.test:99999",
      "a.test:x",
      "a.test/b",
      "a.test,b.test",
      "a%2etest",
    ].map((host) => [[host]]),
    ...["[::1", "::1", "[127.0.0.1]", "[::1]x", "a b", "a\ttest", "caf\xe9.test", "x".repeat(256)].map((host) => [[host]]),
  ])("to the hosts %j is refused", (hosts) => {
    const headers = HeaderLines.of(...hosts.map((host): Line => ["host", host]));
    expect(refusal(receivedWith([], { headers })).problem).toBe("bad_request");
  });
});

describe("header lines at ingress", () => {
  it("lose hop-by-hop fields, what Connection names, and what must not come from outside", () => {
    const lines: readonly Line[] = [
      ["Connection", "keep-alive, X-Mine"],
      ["X-Mine", "1"],
      ...["keep-alive", "proxy-connection", "te", "trailer", "upgrade", "proxy-authorization", "http2-settings"].map(
        (name): Line => [name, "x"],
      ),
      ...[
        "sallyport-principal",
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "x-original-url",
        "x-rewrite-url",
      ].map((name): Line => [name, "x"]),
      ...["forwarded", "x-forwarded-for", "x-forwarded-port", "x-real-ip", "tracestate"].map((name): Line => [name, "x"]),
      ["expect", "100-continue"],
      ["X-Kept", "1"],
    ];
    expect(namesOf(accepted(receivedWith(lines)))).toEqual([
      "host",
      "x-kept",
      "x-forwarded-for",
      "x-forwarded-proto",
      "x-forwarded-host",
      "x-request-id",
      "x-correlation-id",
      "traceparent",
    ]);
  });

  it.each([
    ["x-forwarded-port", ["443"], ["443"]],
    ["x-forwarded-port", ["65535"], ["65535"]],
    ["x-forwarded-port", ["65536"], []],
    ["x-forwarded-port", ["0"], []],
    ["x-forwarded-port", ["080"], []],
    ["x-forwarded-port", ["443, 80"], []],
    ["x-forwarded-port", ["x"], []],
    ["x-real-ip", ["192.0.2.7"], ["192.0.2.7"]],
    ["x-real-ip", ["2001:db8::7"], ["2001:db8::7"]],
    ["x-real-ip", ["nobody"], []],
    ["x-real-ip", ["192.0.2.7:80"], []],
    ["x-forwarded-prefix", ["/app"], ["/app"]],
  ])("of a trusted proxy, %s: %j, go on as %j, of a stranger never", (name, values, kept) => {
    const lines = values.map((value): Line => [name, value]);
    const trusted = settings({ cidrs: ["10.0.0.0/8"] });
    expect(accepted(receivedWith(lines, { peerAddress: "10.0.0.1" }), trusted).head.headers.lines(name)).toEqual(kept);
    expect(accepted(receivedWith(lines), trusted).head.headers.lines(name)).toEqual([]);
    const forwarded = settings({ cidrs: ["10.0.0.0/8"], headers: "forwarded" });
    expect(accepted(receivedWith(lines, { peerAddress: "10.0.0.1" }), forwarded).head.headers.lines(name)).toEqual([]);
  });

  it.each([
    "authorization",
    "Cookie",
    "host",
    "content-length",
    "Content-Type",
    "transfer-encoding, content-md5",
    "x-forwarded-for",
    "x-request-id",
    "via",
    "x-tenant-id",
    "cache-control",
  ])("cannot be removed by Connection: %s", (named) => {
    expect(refusal(receivedWith([["Connection", `close, ${named}`]]), settings({ once: ["x-tenant-id"] })).problem).toBe(
      "bad_request",
    );
  });

  it.each(["a b", "x;y", "é", "close,\x00"])("with Connection: %j are refused", (value) => {
    expect(refusal(receivedWith([["Connection", value]])).problem).toBe("bad_request");
  });

  it.each(["Content-Type", "content-length", "authorization", "range", "user-agent", "origin", "referer", "X-Tenant-Id"])(
    "that hold one value are refused when sent twice: %s",
    (name) => {
      const twice = receivedWith([
        [name, "a"],
        [name.toUpperCase(), "a"],
      ]);
      expect(refusal(twice, settings({ once: ["x-tenant-id"] }))).toMatchObject({
        problem: "bad_request",
        detail: expect.stringContaining(name.toLowerCase()),
      });
    },
  );

  it("that are lists or cookies may be sent twice, and stay separate", () => {
    const exchange = accepted(
      receivedWith([
        ["Accept", "a"],
        ["accept", "b"],
        ["Cookie", "a=1"],
        ["cookie", "b=2"],
      ]),
    );
    expect([exchange.head.headers.lines("accept"), exchange.head.headers.lines("cookie")]).toEqual([
      ["a", "b"],
      ["a=1", "b=2"],
    ]);
  });

  it.each([
    ["x_tenant", "a"],
    ["__proto__", "a"],
    ["x tenant", "a"],
    ["", "a"],
    ["x", "a\r\nb"],
    ["x", "a\x00"],
    ["x", " a"],
    ["x", "\u0100"],
  ])("are refused with the name %j and the value %j", (name, value) => {
    expect(refusal(receivedWith([[name, value]])).problem).toBe("bad_request");
  });

  it("of a client never stand beside the gateway's own of that name, whatever it sends", () => {
    const name = fc.constantFrom(
      "x-request-id",
      "X-Forwarded-For",
      "traceparent",
      "x-forwarded-host",
      "Sallyport-X",
      "x-correlation-id",
      "Keep-Alive",
      "x-a",
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string({ minLength: 1, maxLength: 8 })), { maxLength: 8 }), (lines) => {
        const arrival = ingress(settings())(receivedWith(lines), fixedIds());
        if (arrival.kind === "refused") return;
        const { headers } = arrival.exchange.head;
        for (const own of [
          "x-request-id",
          "x-correlation-id",
          "traceparent",
          "x-forwarded-for",
          "x-forwarded-host",
          "x-forwarded-proto",
        ])
          expect(headers.lines(own)).toHaveLength(1);
        expect(headers.lines("x-forwarded-for")).toEqual(["203.0.113.9"]);
        expect([...headers.names()].filter((found) => found.startsWith("sallyport-") || found === "keep-alive")).toEqual([]);
      }),
    );
  });
});

describe("ids of an exchange", () => {
  it.each([
    [[], "req-1"],
    [["abc-123"], "abc-123"],
    [["x".repeat(128)], "x".repeat(128)],
    [["!~"], "!~"],
    [["x".repeat(129)], "req-1"],
    [[""], "req-1"],
    [["a b"], "req-1"],
    [["a,b"], "req-1"],
    [["caf\xe9"], "req-1"],
    [["a", "b"], "req-1"],
    [["a", "a"], "req-1"],
  ])("adopt of the request ids %j: %s", (sent, id) => {
    const exchange = accepted(receivedWith(sent.map((value): Line => ["X-Request-Id", value])));
    expect(exchange.ids).toMatchObject({ requestId: id, correlationId: id });
    expect(exchange.head.headers.lines("x-request-id")).toEqual([id]);
  });

  it("keep a correlation id of its own where a valid one was sent", () => {
    expect(accepted(receivedWith([["x-correlation-id", "c-9"]])).ids).toMatchObject({ requestId: "req-1", correlationId: "c-9" });
    expect(accepted(receivedWith([["x-correlation-id", "c 9"]])).ids.correlationId).toBe("req-1");
  });

  const TRACE = "0af7651916cd43dd8448eb211c80319c";
  it.each([
    [`00-${TRACE}-b7ad6b7169203331-01`, "01"],
    [`00-${TRACE}-b7ad6b7169203331-00`, "00"],
    [`00-${TRACE}-b7ad6b7169203331-03`, "01"],
    [`cc-${TRACE}-b7ad6b7169203331-00`, "00"],
    [`cc-${TRACE}-b7ad6b7169203331-01-what-the-future-will-be-like`, "01"],
  ])("continue the trace of %s under a new span, flags %s, with its state", (parent, flags) => {
    const exchange = accepted(
      receivedWith([
        ["traceparent", parent],
        ["tracestate", "a=1"],
      ]),
    );
    expect(exchange.ids.traceId).toBe(TRACE);
    expect(exchange.ids.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-${flags}$`));
    expect(exchange.ids.traceparent).not.toContain("b7ad6b7169203331");
    expect(exchange.head.headers.lines("traceparent")).toEqual([exchange.ids.traceparent]);
    expect(exchange.head.headers.lines("tracestate")).toEqual(["a=1"]);
  });

  it.each([
    [""],
    [`00-${TRACE}-b7ad6b7169203331`],
    [`00-${TRACE}-b7ad6b7169203331-01-x`],
    [`00-${TRACE.toUpperCase()}-b7ad6b7169203331-01`],
    [`00-${"0".repeat(32)}-b7ad6b7169203331-01`],
    [`00-${TRACE}-0000000000000000-01`],
    [`ff-${TRACE}-b7ad6b7169203331-01`],
    [`00-${TRACE}-b7ad6b7169203331-0x`],
    [`00-${TRACE.slice(1)}-b7ad6b7169203331-01`],
    [`cc-${TRACE}-b7ad6b7169203331-01x`],
  ])("begin a new trace for %j, without its state", (parent) => {
    const exchange = accepted(
      receivedWith([
        ["traceparent", parent],
        ["tracestate", "a=1"],
      ]),
    );
    expect(exchange.ids.traceId).not.toBe(TRACE);
    expect(exchange.ids.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(exchange.head.headers.has("tracestate")).toBe(false);
  });

  it("begin a new trace when two parents were sent", () => {
    const line: Line = ["traceparent", `00-${TRACE}-b7ad6b7169203331-01`];
    expect(accepted(receivedWith([line, line])).ids.traceId).not.toBe(TRACE);
  });

  it("are known of a refused request too", () => {
    const arrival = ingress(settings())(receivedWith([["x-request-id", "mine"]], { method: "TRACE" }), fixedIds());
    expect(arrival).toMatchObject({
      kind: "refused",
      ids: { requestId: "mine" },
      clientAddress: "203.0.113.9",
      host: "api.test",
    });
  });
});
