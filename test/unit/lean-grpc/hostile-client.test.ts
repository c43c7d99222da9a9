import { describe, expect, it } from "vitest";
import { FLAG, FRAME, numberFrame, PREFACE, SETTING, settingsFrame, smallFrame } from "@sallyport/lean-grpc/frame.ts";
import { HpackEncoder } from "@sallyport/lean-grpc/hpack-encoder.ts";
import type { Field } from "@sallyport/lean-grpc/hpack-table.ts";
import { goawayCode, leanServer, rawExchange } from "./support.ts";

import {
  call,
  data,
  echo,
  ENHANCE_YOUR_CALM,
  FIELDS,
  greeting,
  headers,
  hello,
  httpStatusOf,
  ping,
  PROTOCOL_ERROR,
  repeated,
  replaced,
  resetCodeOf,
  said,
  statusOf,
  without,
} from "./raw-client.ts";

describe("a client that breaks HTTP/2 loses its connection", () => {
  it.each<[string, Buffer, number]>([
    ["HTTP/1.1", Buffer.from("GET / HTTP/1.1\r\nhost: a\r\n\r\n"), PROTOCOL_ERROR],
    ["half a preface and something else", Buffer.concat([PREFACE.subarray(0, 10), Buffer.from("nonsense")]), PROTOCOL_ERROR],
    ["a first frame that is no SETTINGS", Buffer.concat([PREFACE, ping]), PROTOCOL_ERROR],
    [
      "an acknowledgement of settings first",
      Buffer.concat([PREFACE, smallFrame(FRAME.SETTINGS, FLAG.ACK, 0, Buffer.alloc(0))]),
      PROTOCOL_ERROR,
    ],
    ["an even stream", Buffer.concat([greeting, headers(2)]), PROTOCOL_ERROR],
    ["headers of stream 0", Buffer.concat([greeting, headers(0)]), PROTOCOL_ERROR],
    ["a stream below one it used", Buffer.concat([greeting, call(5), call(3)]), PROTOCOL_ERROR],
    ["a stream it used before", Buffer.concat([greeting, call(1), call(1)]), PROTOCOL_ERROR],
    [
      "the same, with its end",
      Buffer.concat([greeting, call(1), headers(1, FIELDS, FLAG.END_HEADERS | FLAG.END_STREAM)]),
      PROTOCOL_ERROR,
    ],
    ["data of a stream nobody opened", Buffer.concat([greeting, data(1, hello)]), PROTOCOL_ERROR],
    ["a window of a stream nobody opened", Buffer.concat([greeting, numberFrame(FRAME.WINDOW_UPDATE, 1, 1)]), PROTOCOL_ERROR],
    ["a reset of a stream nobody opened", Buffer.concat([greeting, numberFrame(FRAME.RST_STREAM, 1, 8)]), PROTOCOL_ERROR],
    ["a push", Buffer.concat([greeting, smallFrame(FRAME.PUSH_PROMISE, 4, 1, Buffer.alloc(8))]), PROTOCOL_ERROR],
    ["headers inside a request", Buffer.concat([greeting, headers(1), headers(1)]), PROTOCOL_ERROR],
    ["a frame inside a header block", Buffer.concat([greeting, headers(1, FIELDS, 0), ping]), PROTOCOL_ERROR],
    [
      "a CONTINUATION of nothing",
      Buffer.concat([greeting, smallFrame(FRAME.CONTINUATION, 4, 1, Buffer.alloc(1))]),
      PROTOCOL_ERROR,
    ],
    [
      "more padding than payload",
      Buffer.concat([greeting, headers(1), data(1, Buffer.from([9, 1]), FLAG.PADDED)]),
      PROTOCOL_ERROR,
    ],
    ["a frame above 16 KiB", Buffer.concat([greeting, Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1])]), 6],
    ["a header block that is none", Buffer.concat([greeting, smallFrame(FRAME.HEADERS, 4, 1, Buffer.of(0xff))]), 9],
    ["a window update of nothing", Buffer.concat([greeting, numberFrame(FRAME.WINDOW_UPDATE, 0, 0)]), PROTOCOL_ERROR],
    ["a window above 2^31", Buffer.concat([greeting, numberFrame(FRAME.WINDOW_UPDATE, 0, 0x7fff_ffff)]), 3],
    ["an initial window above 2^31", Buffer.concat([greeting, settingsFrame([[SETTING.INITIAL_WINDOW_SIZE, 0x8000_0000]])]), 3],
    ["a push setting of 2", Buffer.concat([greeting, settingsFrame([[SETTING.ENABLE_PUSH, 2]])]), PROTOCOL_ERROR],
    ["a flood of pings", Buffer.concat([greeting, repeated(11_000, () => ping)]), ENHANCE_YOUR_CALM],
    ["a flood of settings", Buffer.concat([greeting, repeated(11_000, () => settingsFrame([]))]), ENHANCE_YOUR_CALM],
    [
      "a flood of unknown frames",
      Buffer.concat([greeting, repeated(11_000, () => smallFrame(0x42, 0, 0, Buffer.alloc(0)))]),
      ENHANCE_YOUR_CALM,
    ],
    [
      "a flood of empty frames",
      Buffer.concat([greeting, headers(1), repeated(11_000, () => data(1, Buffer.alloc(0), 0))]),
      ENHANCE_YOUR_CALM,
    ],
    [
      "a flood of padding",
      Buffer.concat([greeting, headers(1), repeated(11_000, () => data(1, Buffer.from([1, 0]), FLAG.PADDED))]),
      ENHANCE_YOUR_CALM,
    ],
    [
      "empty CONTINUATIONs",
      Buffer.concat([greeting, headers(1, FIELDS, 0), smallFrame(FRAME.CONTINUATION, 0, 1, Buffer.alloc(0))]),
      ENHANCE_YOUR_CALM,
    ],
    [
      "CONTINUATIONs without end",
      Buffer.concat([
        greeting,
        headers(1, FIELDS, 0),
        repeated(40, () => smallFrame(FRAME.CONTINUATION, 0, 1, Buffer.alloc(1000, 0x88))),
      ]),
      ENHANCE_YOUR_CALM,
    ],
    // one large entry, then a byte for each repetition
    [
      "a header list that grows from bytes",
      Buffer.concat([
        greeting,
        smallFrame(
          FRAME.HEADERS,
          5,
          1,
          Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, 0x81, 0x17]), Buffer.alloc(3072, 0x62), Buffer.alloc(1000, 0xbe)]),
        ),
      ]),
      ENHANCE_YOUR_CALM,
    ],
  ])("%s", async (_name, bytes, code) => {
    using service = await leanServer(echo);
    const { frames, ended } = await rawExchange(service.port, bytes);
    expect(ended).toBe(true);
    expect(goawayCode(frames)).toBe(code);
  });
});

describe("a request that is none costs its stream, and the connection goes on", () => {
  const RST = { malformed: PROTOCOL_ERROR } as const;
  it.each<[string, readonly Field[]]>([
    ["no path", without(":path")],
    ["no scheme", without(":scheme")],
    ["two paths", [[":path", "/t.T/Echo"], ...FIELDS]],
    ["an unknown pseudo-header", [[":protocol", "websocket"], ...FIELDS]],
    ["a status", [[":status", "200"], ...FIELDS]],
    ["a pseudo-header behind a field", [...without(":authority"), [":authority", "x"]]],
    ["a name in upper case", [...FIELDS, ["X-Upper", "1"]]],
    ["a name with a space", [...FIELDS, ["x y", "1"]]],
    ["an empty name", [...FIELDS, ["", "1"]]],
    ["a line end in a value", [...FIELDS, ["x-a", "1\r\nx-b: 2"]]],
    ["a NUL in a value", [...FIELDS, ["x-a", "1\0"]]],
    ["te of something else", replaced("te", "gzip")],
    ["connection", [...FIELDS, ["connection", "close"]]],
    ["transfer-encoding", [...FIELDS, ["transfer-encoding", "chunked"]]],
  ])("%s", async (_name, fields) => {
    using service = await leanServer(echo);
    const { frames } = await said(service.port, headers(1, fields), data(1, hello), call(3));
    expect(resetCodeOf(frames, 1)).toBe(RST.malformed);
    expect(statusOf(frames, 1)).toBeUndefined();
    expect(statusOf(frames, 3)).toBe("0");
  });

  it.each([
    ["no method", without(":method"), "405"],
    ["GET", replaced(":method", "GET"), "405"],
    ["another content type", replaced("content-type", "text/html"), "415"],
    ["gRPC-Web", replaced("content-type", "application/grpc-web+proto"), "415"],
    ["no content type", without("content-type"), "415"],
  ])("%s is answered with a plain status", async (_name, fields, status) => {
    using service = await leanServer(echo);
    const { frames } = await said(service.port, headers(1, fields), data(1, hello), call(3));
    expect(httpStatusOf(frames, 1)).toBe(status);
    // the rest of the request is not wanted
    expect(resetCodeOf(frames, 1)).toBe(0);
    expect(statusOf(frames, 3)).toBe("0");
  });

  it.each(["", "5", "m", "-1S", "123456789S", "1x", "1.5S"])("a grpc-timeout of %j leaves no time", async (text) => {
    const times: unknown[] = [];
    using service = await leanServer({
      "/t.T/Echo": (stream) => {
        times.push(stream.timeMs);
        stream.answer(Buffer.alloc(0));
      },
    });
    await said(service.port, headers(1, [...FIELDS, ["grpc-timeout", text]]), data(1, hello));
    expect(times).toEqual([0]);
  });

  it.each<[string, Buffer, string]>([
    ["a compressed message", data(1, Buffer.from([1, 0, 0, 0, 0])), "12"],
    ["two messages", data(1, Buffer.concat([hello, hello])), "13"],
    ["half a message", data(1, hello.subarray(0, 7)), "13"],
    ["half a prefix", data(1, hello.subarray(0, 3)), "13"],
    ["no message", data(1, Buffer.alloc(0)), "13"],
    ["a message above the limit, whatever comes of it", data(1, Buffer.from([0, 0xff, 0xff, 0xff, 0xff]), 0), "8"],
  ])("%s", async (_name, body, status) => {
    let count = 0;
    using service = await leanServer({
      "/t.T/Echo": (stream, message) => {
        count += 1;
        stream.answer(message);
      },
    });
    const { frames } = await said(service.port, headers(1), body, call(3));
    expect(statusOf(frames, 1)).toBe(status);
    expect(statusOf(frames, 3)).toBe("0");
    expect(count).toBe(1);
  });

  it("a request that goes on behind its end is broken off, and its method is called once", async () => {
    let calls = 0;
    let cancelled = 0;
    using service = await leanServer({
      "/t.T/Echo": (stream) => {
        calls += 1;
        stream.onCancel(() => (cancelled += 1));
      },
    });
    const { frames } = await said(service.port, call(1), data(1, hello));
    expect(resetCodeOf(frames, 1)).toBe(5);
    expect([calls, cancelled]).toEqual([1, 1]);
  });

  it("streams above the limit are refused unseen, and their header blocks are read all the same", async () => {
    const encoder = new HpackEncoder();
    const tabled = (id: number, more: readonly Field[]): Buffer =>
      smallFrame(FRAME.HEADERS, FLAG.END_HEADERS, id, encoder.encode([...FIELDS, ...more], []));
    const seen: unknown[] = [];
    using service = await leanServer(
      {
        "/t.T/Echo": (stream, message) => {
          seen.push([stream.id, stream.field("x-a")]);
          stream.answer(message);
        },
      },
      { limits: { maxStreams: 1, maxMessageBytes: 1000 } },
    );
    const { frames } = await said(
      service.port,
      tabled(1, []),
      tabled(3, [["x-a", "one"]]),
      data(1, hello),
      tabled(5, [["x-a", "one"]]),
      data(5, hello),
    );
    expect(resetCodeOf(frames, 3)).toBe(7);
    expect(seen).toEqual([
      [1, undefined],
      [5, "one"],
    ]);
  });
});
