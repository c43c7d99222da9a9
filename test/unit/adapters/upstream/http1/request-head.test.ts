import { describe, expect, it } from "vitest";
import {
  framingLines,
  mayBeWrittenAgain,
  noBodyLines,
  requestHead,
} from "../../../../../src/adapters/upstream/http1/request-head.ts";
import { HeaderLines } from "../../../../../src/model/header-lines.ts";
import { bytesStream } from "../../../../../src/support/byte-streams.ts";
import { requestTo } from "../../../../support/upstream.ts";

const headOf = (...parts: Parameters<typeof requestTo>) => requestHead(requestTo(...parts), "127.0.0.1:80");

describe("a request head", () => {
  it("is the line and the lines it was given, as they were spelled", () => {
    expect(headOf("PATCH", "/a?b", undefined, ["X-A", "1"], ["x-a", "caf\xe9\t2"])).toEqual({
      ok: true,
      value: "PATCH /a?b HTTP/1.1\r\nhost: api.test\r\nX-A: 1\r\nx-a: caf\xe9\t2\r\n",
    });
  });

  it("says nothing about connection, framing or expectation, whatever it was given", () => {
    const ours = [
      "connection",
      "Content-Length",
      "expect",
      "keep-alive",
      "proxy-connection",
      "te",
      "trailer",
      "Transfer-Encoding",
      "upgrade",
    ];
    expect(headOf("GET", "/", undefined, ...ours.map((name) => [name, "100-continue"] as const))).toEqual({
      ok: true,
      value: "GET / HTTP/1.1\r\nhost: api.test\r\n",
    });
  });

  it("names the endpoint where it was given no host", () => {
    const request = { method: "OPTIONS", requestTarget: "*", headers: HeaderLines.EMPTY, body: undefined };
    expect(requestHead(request, "[::1]:8080")).toEqual({ ok: true, value: "OPTIONS * HTTP/1.1\r\nhost: [::1]:8080\r\n" });
  });

  it.each([
    ["a method that is no token", "GE T", "/"],
    ["no method", "", "/"],
    ["CONNECT", "CONNECT", "/"],
    ["a target with a space", "GET", "/a b"],
    ["a target with a line", "GET", "/ HTTP/1.1\r\nx: y"],
    ["a target in absolute form", "GET", "http://a.test/"],
    ["no target", "GET", ""],
    ["a target above U+00FF", "GET", "/\u0100"],
  ])("is refused with %s", (_name, method, target) => {
    expect(headOf(method, target).ok).toBe(false);
  });

  it.each([
    ["a name with a space", "x y", "1"],
    ["a name with a colon", "x:", "1"],
    ["a name with a line", "x\r\ny", "1"],
    ["no name", "", "1"],
    ["a value with CR", "x", "a\rb"],
    ["a value with LF", "x", "a\nb"],
    ["a value with NUL", "x", "a\x00b"],
    ["a value with DEL", "x", "\x7f"],
    ["a value above U+00FF", "x", "\u010a"],
    ["a second host", "Host", "b.test"],
  ])("is refused with %s", (_name, name, value) => {
    expect(headOf("GET", "/", undefined, [name, value]).ok).toBe(false);
  });

  it("is framed by the length, else in chunks, and says that there is no body only where one is usual", () => {
    expect([framingLines(5), framingLines(undefined)]).toEqual([
      "content-length: 5\r\n\r\n",
      "transfer-encoding: chunked\r\n\r\n",
    ]);
    expect(["GET", "DELETE", "POST", "PUT", "PATCH"].map(noBodyLines)).toEqual([
      ...["\r\n", "\r\n"],
      ...Array.from({ length: 3 }, () => "content-length: 0\r\n\r\n"),
    ]);
  });

  it.each([
    ["GET without a body", requestTo("GET"), true],
    ["DELETE without a body", requestTo("DELETE"), true],
    ["PUT with an empty body", requestTo("PUT", "/", new Uint8Array()), true],
    ["PUT with a body", requestTo("PUT", "/", new Uint8Array(1)), false],
    ["GET with a stream", requestTo("GET", "/", bytesStream([])), false],
    ["POST without a body", requestTo("POST"), false],
    ["PATCH without a body", requestTo("PATCH"), false],
  ])("may be written again or not: %s", (_name, request, may) => {
    expect(mayBeWrittenAgain(request, "GET / HTTP/1.1\r\n")).toBe(may);
    expect(mayBeWrittenAgain(request, "x".repeat(16 * 1024 + 1))).toBe(false);
  });
});
