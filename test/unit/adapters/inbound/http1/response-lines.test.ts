import { describe, expect, it } from "vitest";
import { responseLines } from "../../../../../src/adapters/inbound/http1/response-lines.ts";
import { HandStream } from "../../../../support/byte-flow.ts";

const TERMS = { minor: 1, persistent: true, keptSeconds: 60, date: "Sat, 21 Nov 2026 00:00:00 GMT" };
const framed = (raw: string[], status = 200) => ({ status, raw, body: undefined, promisedBytes: 0 });

describe("the head of a response", () => {
  it("is one line for each header line, and says how it ends", () => {
    expect(responseLines(framed(["X-A", "caf\xe9", "content-length", "0"]), TERMS)).toEqual({
      text: "HTTP/1.1 200 OK\r\nX-A: caf\xe9\r\ncontent-length: 0\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=60\r\n\r\n",
      chunked: false,
      closes: false,
    });
    expect(responseLines(framed(["connection", "close"]), TERMS)).toMatchObject({ closes: true });
    expect(responseLines(framed([]), { ...TERMS, persistent: false }).text).toContain("\r\nConnection: close\r\n");
  });

  it("of a body without a length is chunked, in HTTP/1.0 ended by closing", () => {
    const streamed = { status: 200, raw: [], body: new HandStream(), promisedBytes: undefined };
    expect(responseLines(streamed, TERMS)).toMatchObject({ chunked: true, closes: false });
    expect(responseLines(streamed, { ...TERMS, minor: 0 })).toMatchObject({ chunked: false, closes: true });
  });

  it.each([
    ["a name that is no token", ["X A", "1"]],
    ["an empty name", ["", "1"]],
    ["a name with a line end", ["X\r\nY", "1"]],
    ["a value with a line end", ["X", "a\r\nSet-Cookie: b"]],
    ["a value with LF", ["X", "a\nb"]],
    ["a value with NUL", ["X", "a\x00b"]],
    ["a value beyond bytes", ["X", "\u{010d}\u{010a}"]],
  ])("with %s is not written", (_name, raw) => {
    expect(() => responseLines(framed(raw), TERMS)).toThrow(TypeError);
  });

  it.each([99, 100, 102, 199, 1000, 200.5, Number.NaN])("with the status %d is not written", (status) => {
    expect(() => responseLines(framed([], status), TERMS)).toThrow(RangeError);
  });

  it("of a 101 names the protocol, and nothing that frames a body", () => {
    const { text } = responseLines(framed(["sec-websocket-accept", "x", "connection", "close"], 101), TERMS);
    expect(text).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
  });
});
