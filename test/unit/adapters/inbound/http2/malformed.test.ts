import { describe, expect, it } from "vitest";
import { HeaderLines } from "../../../../../src/model/header-lines.ts";
import type { Arrival } from "../../../../../src/ports/runnable-plan.ts";
import { ingress } from "../../../../../src/policies/ingress/receive.ts";
import type { Received } from "../../../../../src/model/received.ts";
import { startInbound, textResponse, type InboundUnderTest } from "../../../../support/inbound.ts";
import { fixedIds } from "../../../../support/fixed-ids.ts";
import { FLAG, FRAME, frame, headerBlock, RawHttp2, requestFields } from "../../../../support/raw-http2-client.ts";

type Fields = readonly (readonly [string, string])[];

const receive = ingress({ trustedProxies: { addresses: { has: () => false }, headers: "none" }, singleValued: new Set() });
const arrivalOf = (received: Received): Arrival => receive(received, fixedIds());

/** A listener whose requests go through ingress: `admitted` is what would be matched, reviewed and forwarded. */
async function guarded(): Promise<InboundUnderTest & { readonly admitted: Arrival[] }> {
  const admitted: Arrival[] = [];
  const inbound = await startInbound(
    (received) => {
      const arrival = arrivalOf(received);
      if (arrival.kind === "refused") return textResponse(arrival.refusal.problem, 400);
      admitted.push(arrival);
      return textResponse("ok");
    },
    { protocols: ["h2c"] },
  );
  return { ...inbound, admitted };
}

/** What became of a request: a reset code, the end of the connection, or a status. */
async function fate(client: RawHttp2, stream: number): Promise<string> {
  await client.until(() => client.resetOf(stream) !== undefined || client.goaway !== undefined || isWhole(client, stream));
  if (client.goaway !== undefined) return `goaway ${client.goaway}`;
  const reset = client.resetOf(stream);
  if (reset !== undefined && client.of(FRAME.headers, stream).length === 0) return `reset ${reset}`;
  return Buffer.concat(client.of(FRAME.data, stream).map(({ payload }) => payload)).toString();
}

const isWhole = (client: RawHttp2, stream: number): boolean =>
  client.frames.some((each) => each.stream === stream && (each.flags & FLAG.endStream) !== 0 && each.type <= FRAME.headers);

const fields = (...more: readonly (readonly [string, string])[]): Fields => requestFields("/", more);
const without = (name: string): Fields => requestFields().filter(([each]) => each !== name);
const set = (name: string, value: string): Fields => requestFields().map(([each, old]) => [each, each === name ? value : old]);

describe("a malformed HTTP/2 request", () => {
  const forms: readonly (readonly [string, Fields])[] = [
    ["a name in upper case", fields(["X-A", "b"])],
    ["connection", fields(["connection", "close"])],
    ["keep-alive", fields(["keep-alive", "timeout=5"])],
    ["proxy-connection", fields(["proxy-connection", "close"])],
    ["transfer-encoding", fields(["transfer-encoding", "chunked"])],
    ["upgrade", fields(["upgrade", "h2c"])],
    ["te other than trailers", fields(["te", "gzip"])],
    ["an unknown pseudo-header", fields([":protocol", "websocket"])],
    ["a pseudo-header of responses", fields([":status", "200"])],
    ["a pseudo-header twice", fields([":path", "/other"])],
    ["an authority twice", fields([":authority", "other"])],
    ["a pseudo-header behind a header", [["a", "b"], ...requestFields()]],
    ["two hosts", fields(["host", "localhost"], ["host", "localhost"])],
    ["neither authority nor host", without(":authority")],
    ["userinfo", set(":authority", "user@localhost")],
    ["an authority with a path", set(":authority", "localhost/x")],
    ["an empty authority", set(":authority", "")],
    ["no method", without(":method")],
    ["no scheme", without(":scheme")],
    ["no path", without(":path")],
    ["an empty path", set(":path", "")],
    ["a path without a slash", set(":path", "x")],
    ["an asterisk for something else than OPTIONS", set(":path", "*")],
    ["a line feed in the path", set(":path", "/a\nb: c")],
    ["a carriage return in the path", set(":path", "/a\r\nhost: other")],
    ["NUL in the path", set(":path", "/a\0b")],
    ["a blank in the path", set(":path", "/a HTTP/1.1")],
    ["a line feed in the method", set(":method", "GET / HTTP/1.1\r\nx:")],
    ["a line feed in the authority", set(":authority", "localhost\r\nx: y")],
    ["a line feed in the scheme", set(":scheme", "http\r\n")],
    ["a length where there is no body", fields(["content-length", "5"])],
    ["two lengths", fields(["content-length", "0"], ["content-length", "0"])],
    ["a length that is no number", fields(["content-length", "+0"])],
    ["a length that is negative", fields(["content-length", "-1"])],
  ];

  it.each(forms)("is refused for %s", async (_name, form) => {
    await using inbound = await guarded();
    using client = await RawHttp2.connect(inbound.port);
    client.request(1, form);
    // PROTOCOL_ERROR
    expect(["reset 1", "goaway 1", "bad_request"]).toContain(await fate(client, 1));
    expect(inbound.admitted).toEqual([]);
  });

  it.each([
    ["more DATA than the length said", "5", "hello!", true],
    ["less", "5", "hell", true],
    ["some where it said none", "0", "x", true],
  ])("is refused, or broken off, for %s", async (_name, length, body, ends) => {
    await using inbound = await guarded();
    using client = await RawHttp2.connect(inbound.port);
    const payload = headerBlock(requestFields("/", [["content-length", length]], "POST"));
    client.send(frame(FRAME.headers, { flags: FLAG.endHeaders, stream: 1, payload }));
    client.send(frame(FRAME.data, { flags: ends ? FLAG.endStream : 0, stream: 1, payload: Buffer.from(body) }));
    await client.until(() => client.resetOf(1) !== undefined || client.goaway !== undefined);
    // INTERNAL_ERROR is what Node says where DATA comes behind it
    expect(client.resetOf(1) === 1 || [1, 2].includes(client.goaway ?? 0)).toBe(true);
  });

  it.each([
    ["a host that differs from the authority", fields(["host", "other"])],
    ["another scheme than the connection's", set(":scheme", "https")],
    ["a scheme of another protocol", set(":scheme", "ftp")],
    ["a fragment", set(":path", "/a#b")],
    ["an encoded slash", set(":path", "/a%2fb")],
    ["an underscore in a name", fields(["content_length", "5"])],
    ["a length that is not canonical", fields(["content-length", "00"])],
    ["a blank before a value", fields(["x-a", " b"])],
    ["a tab behind a value", fields(["x-a", "b\t"])],
    ["a blank before a part of a cookie", fields(["cookie", "a=1"], ["cookie", " b=2"])],
  ])("that nghttp2 lets through is answered 400 for %s", async (_name, form) => {
    await using inbound = await guarded();
    using client = await RawHttp2.connect(inbound.port);
    client.request(1, form);
    expect(await fate(client, 1)).toContain("bad_request");
    expect(inbound.admitted).toEqual([]);
    // the connection goes on: nothing is ambiguous about where the next request begins
    client.request(3);
    expect(await fate(client, 3)).toBe("ok");
  });

  it.each(["CONNECT", "TRACE"])("may not be %s", async (method) => {
    await using inbound = await startInbound(
      (received) => {
        const arrival = arrivalOf(received);
        return textResponse(arrival.kind === "refused" ? arrival.refusal.problem : "ok");
      },
      { protocols: ["h2c"] },
    );
    using client = await RawHttp2.connect(inbound.port);
    client.request(
      1,
      method === "TRACE"
        ? set(":method", method)
        : [
            [":method", method],
            [":authority", "other.test:443"],
          ],
    );
    expect(await fate(client, 1)).toBe("method_not_allowed");
  });

  it("loses a header whose value or name no HTTP message can carry: it never arrives in another form", async () => {
    await using inbound = await guarded();
    using client = await RawHttp2.connect(inbound.port);
    const evil = ["a\nb: c", "a\r\nb: c", "a\0b"].map((value) => ["x-evil", value] as const);
    client.request(1, fields(...evil, ["x evil", "1"], ["x:evil", "1"], ["", "1"], ["x-good", "1"]));
    expect(await fate(client, 1)).toBe("ok");
    expect(inbound.received[0]?.headers.toRaw()).toEqual(["host", "localhost", "x-good", "1"]);
  });
});

describe("a well-formed HTTP/2 request", () => {
  it.each([
    ["host and authority that say the same", fields(["host", "localhost"]), "localhost"],
    ["host and authority in other letters", fields(["host", "LOCALHOST"]), "localhost"],
    ["a host instead of an authority", [...without(":authority"), ["host", "a.test:81"]] as Fields, "a.test:81"],
    ["te: trailers", fields(["te", "trailers"]), "localhost"],
  ])("is admitted with %s, under one host", async (_name, form, host) => {
    await using inbound = await guarded();
    using client = await RawHttp2.connect(inbound.port);
    client.request(1, form);
    expect(await fate(client, 1)).toBe("ok");
    const [arrival] = inbound.admitted;
    if (arrival?.kind !== "exchange") throw new Error("it was refused");
    expect(arrival.exchange.head).toMatchObject({ host, scheme: "http", path: "/" });
    expect(arrival.exchange.head.headers.lines("host")).toEqual([host]);
    expect(arrival.exchange.head.headers).toBeInstanceOf(HeaderLines);
  });
});

describe("limits of HTTP/2 requests", () => {
  it.each([
    ["too many headers: 431", fields(...Array.from({ length: 100 }, (_, i) => [`x-${i}`, "y"] as const)), "headers_too_large"],
    ["headers too large: 431", fields(["x-a", "y".repeat(61 * 1024)]), "headers_too_large"],
    ["a target too long: 414", set(":path", `/${"y".repeat(8 * 1024)}`), "uri_too_long"],
    [
      "far too many headers: the stream is reset",
      fields(...Array.from({ length: 300 }, (_, i) => [`x-${i}`, "y"] as const)),
      "reset 11",
    ],
    ["an expectation nobody meets: 417", fields(["expect", "a-pony"]), "expectation_failed"],
  ])("hold for %s", async (_name, form, outcome) => {
    await using inbound = await guarded();
    using client = await RawHttp2.connect(inbound.port);
    const block = headerBlock(form);
    const parts = Array.from({ length: Math.ceil(block.byteLength / 16_384) }, (_, i) =>
      block.subarray(i * 16_384, (i + 1) * 16_384),
    );
    parts.forEach((payload, i) => {
      const flags = (i === parts.length - 1 ? FLAG.endHeaders : 0) | (i === 0 ? FLAG.endStream : 0);
      client.send(frame(i === 0 ? FRAME.headers : FRAME.continuation, { flags, stream: 1, payload }));
    });
    expect(await fate(client, 1)).toContain(outcome);
    expect(inbound.admitted).toEqual([]);
  });
});
