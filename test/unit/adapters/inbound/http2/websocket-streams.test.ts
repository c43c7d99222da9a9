import { describe, expect, it } from "vitest";
import { requestLines } from "../../../../../src/adapters/inbound/http2/request-lines.ts";
import { responseBlock } from "../../../../../src/adapters/inbound/http2/response-block.ts";

const CONNECT = [":method", "CONNECT", ":scheme", "https", ":authority", "a.test", ":path", "/chat?x=1"];

describe("CONNECT with a protocol on a stream (RFC 8441)", () => {
  it.each([
    [[...CONNECT, ":protocol", "websocket"], "GET", "websocket"],
    [[...CONNECT, ":protocol", "WebSocket"], "CONNECT", "unknown"],
    [[...CONNECT, ":protocol", "connect-udp"], "CONNECT", "unknown"],
    [[":method", "CONNECT", ":authority", "a.test:443"], "CONNECT", undefined],
    [[":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/", ":protocol", "websocket"], "GET", undefined],
  ])("of %j is read as %s, upgrade %s", (block, method, upgrade) => {
    expect(requestLines(block, "https")).toMatchObject({ method, upgrade });
  });

  it("is addressed as any request", () => {
    expect(requestLines([...CONNECT, ":protocol", "websocket"], "https")).toMatchObject({
      requestTarget: "/chat?x=1",
      raw: ["host", "a.test"],
    });
    expect(requestLines([...CONNECT, ":protocol", "websocket"], "http").requestTarget).toBe("https://a.test/chat?x=1");
  });

  const framed = (status: number, raw: string[] = []) => ({ status, raw, body: undefined, promisedBytes: undefined });

  it("is told 200 for a 101, without a word on the key", () => {
    const raw = ["Sec-WebSocket-Accept", "x", "Sec-WebSocket-Protocol", "a", "X-B", "1"];
    expect(responseBlock(framed(101, raw), true)).toEqual([":status", "200", "sec-websocket-protocol", "a", "x-b", "1"]);
  });

  it.each([200, 201, 204, 206, 299, 100, 103, 199])("is never told %i otherwise", (status) => {
    expect(() => responseBlock(framed(status), true)).toThrow(RangeError);
  });

  it("is told any other status as it is, and nobody else is told of a 101", () => {
    for (const status of [300, 401, 404, 501]) expect(responseBlock(framed(status), true)).toEqual([":status", String(status)]);
    expect(() => responseBlock(framed(101))).toThrow(RangeError);
  });
});
