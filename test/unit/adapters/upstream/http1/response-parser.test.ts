import { describe, expect, it } from "vitest";
import { ResponseParser } from "../../../../../src/adapters/upstream/http1/response-parser.ts";
import { readWithOurs } from "../../../../fuzz/responses/read-with-ours.ts";

const read = (text: string, choice: { readonly method?: "GET" | "HEAD"; readonly closes?: boolean } = {}) =>
  readWithOurs({ method: choice.method ?? "GET", bytes: Buffer.from(text, "latin1"), closes: choice.closes ?? false });

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const fields = (count: number): string => Array.from({ length: count }, (_, i) => `x-${i}: 1\r\n`).join("");

describe("a response parser", () => {
  it.each([
    ["a head of 64 KiB", `${OK}x: ${"a".repeat(65_536 - 46)}\r\nContent-Length: 0\r\n\r\n`],
    ["200 fields", `${OK}${fields(199)}content-length: 0\r\n\r\n`],
    ["a name of 256 characters", `${OK}${"x".repeat(256)}: 1\r\ncontent-length: 0\r\n\r\n`],
    ["a chunk size of eight digits", `${CHUNKED}00000002\r\nok\r\n0\r\n\r\n`],
    ["an extension of 255 characters", `${CHUNKED}2;${"x".repeat(255)}\r\nok\r\n0\r\n\r\n`],
    ["trailers", `${CHUNKED}0\r\n${fields(200)}\r\n`],
  ])("takes %s", (_name, text) => {
    expect(read(text)).toMatchObject({ ended: true, reusable: true, fault: undefined });
  });

  it.each([
    ["a head of more than 64 KiB", `${OK}x: ${"a".repeat(65_536)}\r\nContent-Length: 0\r\n\r\n`, "head larger than 65536 bytes"],
    ["a head of more than 64 KiB, not yet complete", `${OK}x: ${"a".repeat(65_536)}`, "head larger than 65536 bytes"],
    ["interim heads of more than 64 KiB in all", "HTTP/1.1 103 x\r\nx: y\r\n\r\n".repeat(3_000), "head larger than 65536 bytes"],
    ["201 fields", `${OK}${fields(201)}\r\n`, "more than 200 header lines"],
    ["a name of 257 characters", `${OK}${"x".repeat(257)}: 1\r\n\r\n`, "header name too long"],
    ["a chunk size of nine digits", `${CHUNKED}000000002\r\nok\r\n0\r\n\r\n`, "chunk too large"],
    ["an extension of 256 characters", `${CHUNKED}2;${"x".repeat(256)}\r\nok\r\n0\r\n\r\n`, "chunk extensions too long"],
    ["16 KiB of extensions", CHUNKED + `1;${"x".repeat(200)}\r\na\r\n`.repeat(90), "chunk extensions too long"],
    ["201 trailers", `${CHUNKED}0\r\n${fields(201)}\r\n`, "more than 200 header lines"],
    ["a length in trailers", `${CHUNKED}0\r\ncontent-length: 3\r\n\r\n`, "content-length in trailers"],
    ["a coding in trailers", `${CHUNKED}0\r\nTransfer-Encoding: chunked\r\n\r\n`, "transfer-encoding in trailers"],
    [
      "an interim response that closes",
      `HTTP/1.1 103 x\r\nConnection: close\r\n\r\n${OK}\r\n`,
      "interim response with framing of its own",
    ],
    [
      "an interim response with a length",
      `HTTP/1.1 103 x\r\nContent-Length: 2\r\n\r\nok${OK}\r\n`,
      "interim response with framing of its own",
    ],
    [
      "a transfer coding in HTTP/1.0",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "transfer-encoding in HTTP/1.0",
    ],
    ["an interim response in HTTP/1.0", `HTTP/1.0 103 x\r\n\r\n${OK}\r\n`, "interim response in HTTP/1.0"],
    ["101", "HTTP/1.1 101 x\r\n\r\n", "status 101"],
    ["another protocol", "ICY 200 OK\r\n\r\n", "no HTTP/1 status line"],
    ["another version", "HTTP/1.2 200 OK\r\n\r\n", "HTTP version is neither 1.0 nor 1.1"],
  ])("refuses %s", (_name, text, fault) => {
    expect(read(text)).toMatchObject({ ended: false, fault });
  });

  it("refuses a broken line before the head is complete", () => {
    expect(read(`${OK}x: a\nb`)).toMatchObject({ fault: "control character in the head" });
    expect(read("HTTP/1.1 2OO")).toMatchObject({ fault: undefined });
    expect(read("HTTP/1.1 2OO OK")).toMatchObject({ fault: "status is not three digits" });
    expect(read("SSH-2.0")).toMatchObject({ fault: "no HTTP/1 status line" });
  });

  it.each([
    ["a length", `${OK}Content-Length: 2\r\n\r\nok`, true],
    ["chunks", `${CHUNKED}2\r\nok\r\n0\r\n\r\n`, true],
    ["a length, but the upstream closes", `${OK}Connection: x, Close\r\nContent-Length: 2\r\n\r\nok`, false],
    ["a length, but bytes follow", `${OK}Content-Length: 2\r\n\r\nok\r\n`, false],
    ["a length, but in HTTP/1.0", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", false],
    ["a length, but the upstream closes within a second", `${OK}Keep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok`, false],
  ])("tells whether the connection can be used again: %s", (_name, text, reusable) => {
    expect(read(text)).toMatchObject({ body: "ok", ended: true, reusable });
  });

  it.each([
    ["204 that announces a body", "HTTP/1.1 204 x\r\nContent-Length: 2\r\n\r\n", false],
    ["204 that announces chunks", "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n", false],
    ["204 that says it has none", "HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", true],
    ["304 that tells the length of what it stands for", "HTTP/1.1 304 x\r\nContent-Length: 2\r\n\r\n", true],
  ])("uses no connection again on which a body may come that must not: %s", (_name, text, reusable) => {
    expect(read(text)).toMatchObject({ body: "", ended: true, reusable });
  });

  it("reads without length and chunks to the end of the connection, and knows an end that is none", () => {
    expect(read(`${OK}\r\nok`)).toMatchObject({ body: "ok", ended: false });
    expect(read(`${OK}\r\nok`, { closes: true })).toMatchObject({ body: "ok", ended: true, reusable: false });
    expect(read(`${OK}Content-Length: 3\r\n\r\nok`, { closes: true })).toMatchObject({
      ended: false,
      fault: "the connection ended within the body",
    });
    expect(read(OK, { closes: true })).toMatchObject({ ended: false, fault: "the connection ended before a whole head" });
  });

  it("reads heads and trailers that come byte by byte in linear time", () => {
    const elapsedMs = (bytes: number): number => {
      const parser = new ResponseParser({ onHead() {}, onBody() {}, onEnd() {} });
      const text = Buffer.from(`${OK}x: ${"a".repeat(bytes)}\r\n`);
      parser.begin("GET");
      const startedMs = performance.now();
      let faults = 0;
      for (const byte of text) if (parser.read(Buffer.of(byte), 1) !== undefined) faults += 1;
      const tookMs = performance.now() - startedMs;
      expect(faults).toBe(0);
      return tookMs;
    };
    // quadratic it takes seconds; the best of three, because the machine may be busy
    expect(Math.min(elapsedMs(60_000), elapsedMs(60_000), elapsedMs(60_000))).toBeLessThan(1_000);
  });

  it("gives out the chunks that came in one read as one piece: their number is the upstream's choice, and each costs the reader", () => {
    const pieces: string[] = [];
    const parser = new ResponseParser({ onHead() {}, onBody: (bytes) => pieces.push(Buffer.from(bytes).toString()), onEnd() {} });
    parser.begin("GET");
    for (const text of [`${CHUNKED}1\r\na\r\n2;x=y\r\nbc\r\n3\r\nd`, "ef\r\n", "1\r\ng\r\n1\r\nh\r\n0\r\nx: y\r\n\r\n"]) {
      const bytes = Buffer.from(text);
      expect(parser.read(bytes, bytes.byteLength)).toBeUndefined();
    }
    expect(pieces).toEqual(["abcd", "ef", "gh"]);
    parser.begin("GET");
    const broken = Buffer.from(`${CHUNKED}1\r\na\r\n1\r\nb\r\nx`);
    expect(parser.read(broken, broken.byteLength)).toBe("illegal chunk size");
    expect(pieces).toEqual(["abcd", "ef", "gh", "ab"]);
  });

  it("reads one response after the other with nothing left of the one before", () => {
    const seen: string[] = [];
    const parser = new ResponseParser({
      onHead: ({ status, headers }) => seen.push(`${status} ${headers.toRaw().join("=")}`),
      onBody: (bytes) => seen.push(Buffer.from(bytes).toString()),
      onEnd: (clean) => seen.push(clean ? "clean" : "unclean"),
    });
    for (const text of [
      `${CHUNKED}2;a=b\r\nok\r\n0\r\nx: y\r\n\r\n`,
      `${CHUNKED}1\r\na\r\n0\r\n\r\n`,
      "HTTP/1.1 204 x\r\n\r\n",
    ]) {
      const bytes = Buffer.from(text);
      parser.begin("GET");
      // in two pieces: what is kept of a head must not be kept for ever
      expect(parser.read(bytes, 7)).toBeUndefined();
      const rest = bytes.subarray(7);
      expect(parser.read(rest, rest.byteLength)).toBeUndefined();
    }
    const coding = "200 Transfer-Encoding=chunked";
    expect(seen).toEqual([coding, "ok", "clean", coding, "a", "clean", "204 ", "clean"]);
  });
});
