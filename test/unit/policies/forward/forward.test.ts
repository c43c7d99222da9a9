import { describe, expect, it } from "vitest";
import type { Exchange } from "../../../../src/model/exchange.ts";
import { HeaderLines } from "../../../../src/model/header-lines.ts";
import type { CredentialSlot, OwnCredentialSlot } from "../../../../src/model/credential-slot.ts";
import { toClientResponse } from "../../../../src/policies/forward/to-client-response.ts";
import {
  credentialsRemoved,
  upstreamRequests,
  type ForwardChoice,
  type ForwardTerms,
} from "../../../../src/policies/forward/to-upstream-request.ts";
import type { UpstreamRequest } from "../../../../src/ports/upstream.ts";
import { bytesOf } from "../../../support/byte-flow.ts";
import { exchangeWith } from "../../../support/received.ts";

const BEARER: OwnCredentialSlot = { kind: "bearer" };
const X_API_KEY: OwnCredentialSlot = { kind: "header", name: "x-api-key" };
const QUERY_KEY: OwnCredentialSlot = { kind: "query", name: "key" };
const SUBPROTOCOL: CredentialSlot = { kind: "websocket-protocol", prefix: "key." };

type Terms = ForwardTerms & ForwardChoice;

const terms = (change: Partial<Terms> = {}): Terms => ({
  inboundSlots: [],
  credential: undefined,
  readsResponseBody: false,
  ...change,
});

const toUpstreamRequest = (exchange: Exchange, given: Terms): UpstreamRequest => upstreamRequests(given)(exchange, given);

const sent = (slot: OwnCredentialSlot): NonNullable<ForwardTerms["credential"]> => ({ slot, reveal: () => "s3cret" });

describe("a request on its way to an upstream", () => {
  it("has behind it only trailers that would have passed as headers and protect nothing, look-alikes included (C11, C26)", () => {
    const given = terms({ inboundSlots: [X_API_KEY], ownedHeaders: new Set(["x-owned"]) });
    const { passesTrailer } = toUpstreamRequest(exchangeWith([]), given);
    const refused = ["x-owned", "x_owned", "x-api-key", "x_api_key", "x_plain", "x-http-method-override", "authorization", "te"];
    expect(["x-plain", ...refused].filter((name) => passesTrailer?.(name))).toEqual(["x-plain"]);
  });

  it("is the head as it stands, without framing and hop-by-hop lines, with via", () => {
    const exchange = exchangeWith(
      [
        ["X-B", "1"],
        ["Content-Length", "5"],
        ["Transfer-Encoding", "chunked"],
        ["Connection", "close"],
        ["Via", "1.0 edge"],
        ["x-b", "2"],
      ],
      { query: "a=%20", host: "api.test:8080" },
    );
    const { headers, ...rest } = toUpstreamRequest({ ...exchange, body: bytesOf("hello") }, terms());
    expect(rest).toEqual({
      method: "GET",
      requestTarget: "/v1/orders?a=%20",
      passesTrailer: expect.any(Function),
      body: bytesOf("hello"),
    });
    expect(headers.toRaw()).toEqual([
      ...["Host", "api.test:8080"],
      ...["X-B", "1"],
      ...["Via", "1.0 edge"],
      ...["x-b", "2"],
      ...["via", "1.1 sallyport"],
    ]);
  });

  it.each([
    [[BEARER], ["authorization"], "/v1/orders?key=k&q=1"],
    [[BEARER, X_API_KEY], ["authorization", "x-api-key"], "/v1/orders?key=k&q=1"],
    [[QUERY_KEY], [], "/v1/orders?q=1"],
    [[], [], "/v1/orders?key=k&q=1"],
  ])("loses the credentials in the slots %j, all of them", (inboundSlots, gone, target) => {
    const exchange = exchangeWith(
      [
        ["Authorization", "Bearer in"],
        ["X-Api-Key", "in"],
        ["cookie", "a=1"],
      ],
      { query: "key=k&q=1" },
    );
    const request = toUpstreamRequest(exchange, terms({ inboundSlots }));
    for (const name of ["authorization", "x-api-key"]) expect(request.headers.has(name)).toBe(!new Set<string>(gone).has(name));
    expect(request.requestTarget).toBe(target);
    expect(request.headers.first("cookie")).toBe("a=1");
  });

  it.each([
    [BEARER, "authorization", ["Bearer s3cret"], "/v1/orders?q=%20"],
    [X_API_KEY, "x-api-key", ["s3cret"], "/v1/orders?q=%20"],
    [QUERY_KEY, "x-none", [], "/v1/orders?q=%20&key=s3cret"],
  ])("gets the upstream's credential in the slot %j, in place of whatever the client put there", (slot, name, lines, target) => {
    const exchange = exchangeWith(
      [
        ["Authorization", "Bearer in"],
        ["X-Api-Key", "in"],
        ["x-api-key", "in2"],
      ],
      { query: "q=%20" },
    );
    const request = toUpstreamRequest(exchange, terms({ inboundSlots: [BEARER, X_API_KEY], credential: sent(slot) }));
    expect(request.headers.lines(name)).toEqual(lines);
    expect(request.requestTarget).toBe(target);
    expect(request.headers.toRaw().join()).not.toContain("in2");
  });

  it.each([
    [[SUBPROTOCOL], ["chat"]],
    [[BEARER], ["chat, KEY.a, key.b"]],
    [[{ kind: "websocket-protocol", prefix: "other." } as const], ["chat, KEY.a, key.b"]],
  ])("loses the subprotocols in the slots %j; others go on behind those that anybody may see", (inboundSlots, lines) => {
    const { head, ...rest } = exchangeWith([["Sec-WebSocket-Protocol", "chat"]]);
    const exchange = { ...rest, head: { ...head, credentialSubprotocols: ["KEY.a", "key.b"] } };
    expect(toUpstreamRequest(exchange, terms({ inboundSlots })).headers.lines("sec-websocket-protocol")).toEqual(lines);
    const left = credentialsRemoved(inboundSlots)(exchange.head);
    expect(toUpstreamRequest({ ...exchange, head: left }, terms()).headers.lines("sec-websocket-protocol")).toEqual(lines);
  });

  it("sends no empty list of subprotocols", () => {
    const { head, ...rest } = exchangeWith([]);
    const exchange = { ...rest, head: { ...head, credentialSubprotocols: ["key.a"] } };
    expect(toUpstreamRequest(exchange, terms({ inboundSlots: [SUBPROTOCOL] })).headers.has("sec-websocket-protocol")).toBe(false);
    expect(toUpstreamRequest(exchange, terms()).headers.first("sec-websocket-protocol")).toBe("key.a");
  });

  it("replaces a query credential of the client and leaves no empty query", () => {
    const replaced = toUpstreamRequest(exchangeWith([], { query: "key=a&key=b" }), terms({ credential: sent(QUERY_KEY) }));
    expect(replaced.requestTarget).toBe("/v1/orders?key=s3cret");
    expect(toUpstreamRequest(exchangeWith([], { query: "key=a" }), terms({ inboundSlots: [QUERY_KEY] })).requestTarget).toBe(
      "/v1/orders",
    );
    expect(toUpstreamRequest(exchangeWith([], { query: "" }), terms()).requestTarget).toBe("/v1/orders?");
  });

  it("asks for the whole body uncoded where a binding reads it, and only there", () => {
    const exchange = exchangeWith([
      ["Accept-Encoding", "gzip"],
      ["Range", "bytes=0-1"],
      ["If-Range", "x"],
    ]);
    expect(toUpstreamRequest(exchange, terms({ readsResponseBody: true })).headers.toRaw()).toEqual([
      "Host",
      "api.test",
      "via",
      "1.1 sallyport",
      "accept-encoding",
      "identity",
    ]);
    expect(toUpstreamRequest(exchange, terms()).headers.lines("accept-encoding")).toEqual(["gzip"]);
  });
});

describe("a response on its way to the client", () => {
  const toClient = (...lines: readonly (readonly [string, string])[]): HeaderLines =>
    toClientResponse({ status: 200, headers: HeaderLines.of(...lines), body: undefined }, exchangeWith([])).headers;

  it("loses hop-by-hop lines, what Connection names, sallyport-*, and gets the exchange's ids", () => {
    const headers = toClient(
      ["Connection", "X-Hop, close"],
      ["X-Hop", "1"],
      ["Keep-Alive", "x"],
      ["Upgrade", "h2"],
      ["Trailer", "x"],
      ["Sallyport-Decided-By", "x"],
      ["X-Request-Id", "theirs"],
      ["X-Kept", "1"],
    );
    expect(headers.toRaw()).toEqual(["X-Kept", "1", "x-request-id", "r-1", "x-correlation-id", "c-1"]);
  });

  it("keeps what gateway and client rely on, whatever Connection names", () => {
    const headers = toClient(
      ["Connection", "Set-Cookie, Content-Type, Cache-Control, Access-Control-Allow-Origin"],
      ["Set-Cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["Content-Type", "text/html"],
      ["Cache-Control", "no-store"],
    );
    expect(headers.lines("set-cookie")).toEqual(["a=1", "b=2"]);
    expect([headers.first("content-type"), headers.first("cache-control")]).toEqual(["text/html", "no-store"]);
  });

  it("survives a malformed Connection header", () => {
    expect(toClient(["Connection", "a b"], ["X", "1"]).toRaw()).toEqual([
      "X",
      "1",
      "x-request-id",
      "r-1",
      "x-correlation-id",
      "c-1",
    ]);
  });
});
