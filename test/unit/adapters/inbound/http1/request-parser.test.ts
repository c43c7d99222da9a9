import { describe, expect, it } from "vitest";
import { HeadBlocks } from "../../../../../src/adapters/inbound/http1/head-blocks.ts";
import { RequestParser } from "../../../../../src/adapters/inbound/http1/request-parser.ts";
import { LISTENER_LIMITS } from "../../../../support/inbound.ts";

/** A parser, and what it told. */
function reader(limits = LISTENER_LIMITS): { readonly parser: RequestParser; readonly told: string[] } {
  const told: string[] = [];
  const parser = new RequestParser(
    {
      onHead: ({ method, requestTarget }, checked) =>
        void told.push(`${method} ${requestTarget}`, ...(checked.kind === "refused" ? [checked.refusal.problem] : [])),
      onBody: (bytes) => void told.push(Buffer.from(bytes).toString("latin1")),
      onEnd: () => void told.push("end"),
    },
    new HeadBlocks(limits),
    limits,
  );
  return { parser, told };
}

const read = (parser: RequestParser, text: string) => parser.read(Buffer.from(text, "latin1"));

describe("a parser of requests", () => {
  it("goes from one request to the next, wherever the pieces end", () => {
    const text =
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok\r\nPOST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nT: t\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n";
    for (const size of [1, 7, 1_000]) {
      const { parser, told } = reader();
      for (let at = 0; at < text.length; at += size) expect(read(parser, text.slice(at, at + size))).toBeUndefined();
      expect(told.join(" ").replace("o k", "ok")).toBe("POST /a ok end POST /b x end GET /c end");
      expect(parser.isWithinRequest).toBe(false);
    }
  });

  it.each([
    ["a second empty line in front", "\r\n\r\nGET / HTTP/1.1\r\n"],
    ["a bare LF in front", "\nGET / HTTP/1.1\r\n"],
    ["CR without LF in front", "\rGET / HTTP/1.1\r\n"],
    ["a method nobody knows", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a method without end", "G".repeat(40)],
    ["two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a space behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"],
    ["white space behind the coding", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked \r\n\r\n"],
  ])("refuses %s as soon as it is seen", (_name, text) => {
    const { parser, told } = reader();
    expect(read(parser, text)).toBe("no-request");
    expect(read(parser, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).toBeUndefined();
    expect(told).toEqual([]);
  });

  it.each([
    ["one that is refused", "GET / HTTP/1.1\r\n\r\n", ["GET /", "bad_request", "end"]],
    ["one that closes", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", ["GET /", "end"]],
    ["one that closes by proxy", "GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n", ["GET /", "end"]],
    ["one of HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", ["GET /", "end"]],
    ["one that asks for another protocol", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n", ["GET /", "end"]],
  ])("reads nothing behind %s", (_name, text, expected) => {
    const { parser, told } = reader();
    expect(read(parser, `${text}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`)).toBeUndefined();
    expect(told).toEqual(expected);
  });

  it("leaves it to the check to say what is too large, up to where nothing is read any more", () => {
    const limits = { ...LISTENER_LIMITS, maxHeaderBytes: 1_000, maxUriBytes: 300, maxHeaders: 3 };
    const head = (target: string, lines: string): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
    for (const [text, problem] of [
      [head(`/${"x".repeat(300)}`, ""), "uri_too_long"],
      // what it would be is not looked into
      [head(`"${"x".repeat(300)}`, ""), "uri_too_long"],
      [head("/", "A: 1\r\n".repeat(3)), "headers_too_large"],
      [head("/", `A: ${"x".repeat(1_000)}\r\n`), "headers_too_large"],
    ] as const) {
      const { parser, told } = reader(limits);
      expect(read(parser, text)).toBeUndefined();
      expect(told[1]).toBe(problem);
    }
    const { parser } = reader(limits);
    expect(read(parser, `GET / HTTP/1.1\r\nA: ${"x".repeat(2_000)}`)).toBe("too-large");
  });

  it.each([
    ["userinfo", (size: number) => `a://${"x".repeat(size)}"`],
    ["several @", (size: number) => `a://${"x@".repeat(size / 2)}"`],
    ["a scheme without end", (size: number) => "a".repeat(size)],
    ["a host", (size: number) => `a://x@${"x".repeat(size)}"`],
  ])("judges a target of nothing but %s in linear time", (_name, target) => {
    const { parser } = reader({ ...LISTENER_LIMITS, maxUriBytes: 100_000 });
    const beganMs = performance.now();
    expect(read(parser, `GET ${target(90_000)} HTTP/1.1\r\nHost: a\r\n\r\n`)).toBe("no-request");
    // in quadratic time: ten seconds
    expect(performance.now() - beganMs).toBeLessThan(1_000);
  });

  it.each([
    ["http://a", true],
    ["http://a/", true],
    ["http://u:p@a:80?q", true],
    ["http://@a", true],
    ["http://a@b/@c@", true],
    ["http://a@", false],
    ["http://@", false],
    ["http://a@b@c", false],
    ["http://", false],
    ["http:///x", false],
    ["http:a", false],
    ['http://a"', false],
  ])("knows whether %s is an absolute target: %s", (target, isOne) => {
    const { parser } = reader();
    expect(read(parser, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)).toBe(isOne ? undefined : "no-request");
  });

  it("takes a large head byte by byte in linear time", () => {
    const { parser, told } = reader();
    const text = `GET / HTTP/1.1\r\nHost: a\r\n${"A: 1\r\n".repeat(90)}B: ${"x".repeat(55_000)}\r\n\r\n`;
    const beganMs = performance.now();
    for (const byte of text) read(parser, byte);
    expect(told).toEqual(["GET /", "end"]);
    expect(performance.now() - beganMs).toBeLessThan(2_000);
  });
});
