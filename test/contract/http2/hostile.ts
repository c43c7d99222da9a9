import { FLAG, FRAME, goawayFrame, numberFrame, settingsFrame, smallFrame, writeFrameHead } from "@sallyport/lean-grpc/frame.ts";
import { describe, expect, it } from "vitest";
import { CancelSource } from "../../../src/model/cancel.ts";
import { dataFrame, headersFrames, startRawHttp2 } from "../../support/raw-http2.ts";
import { turn } from "../../support/turn.ts";
import { requestTo, type UpstreamTo } from "../../support/upstream.ts";

const times = (count: number, frame: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => frame));

const tooLarge = (): Buffer => {
  const head = Buffer.alloc(9);
  writeFrameHead(head, 0, { type: FRAME.DATA, flags: 0, streamId: 1, payloadBytes: 20_000 });
  return Buffer.concat([head, Buffer.alloc(20_000)]);
};

/** Frames that break the protocol, or make work and bring nothing. */
export function survivesHostility(upstreamTo: UpstreamTo): void {
  describe("an HTTP/2 upstream that breaks the protocol", () => {
    it.each([
      ["a frame larger than allowed", tooLarge()],
      ["a push", smallFrame(FRAME.PUSH_PROMISE, FLAG.END_HEADERS, 1, Buffer.alloc(8))],
      ["a stream nobody opened", headersFrames(7, [[":status", "200"]], FLAG.END_STREAM)],
      ["a stream of the server's", headersFrames(2, [[":status", "200"]], FLAG.END_STREAM)],
      ["a window update of nothing", numberFrame(FRAME.WINDOW_UPDATE, 0, 0)],
      ["windows without bound", times(2, numberFrame(FRAME.WINDOW_UPDATE, 0, 0x7fff_ffff))],
      ["a ping of a wrong size", smallFrame(FRAME.PING, 0, 0, Buffer.alloc(3))],
      ["an initial window too large", settingsFrame([[4, 0xffff_ffff]])],
      [
        "a header block cut by another frame",
        Buffer.concat([smallFrame(FRAME.HEADERS, 0, 1, Buffer.alloc(0)), dataFrame(1, "x")]),
      ],
      ["a continuation of nothing", smallFrame(FRAME.CONTINUATION, FLAG.END_HEADERS, 1, Buffer.alloc(0))],
      [
        "continuations without end",
        Buffer.concat([
          smallFrame(FRAME.HEADERS, 0, 1, Buffer.alloc(0)),
          times(100, smallFrame(FRAME.CONTINUATION, 0, 1, Buffer.alloc(1_000))),
        ]),
      ],
      [
        "empty continuations",
        Buffer.concat([
          smallFrame(FRAME.HEADERS, 0, 1, Buffer.alloc(0)),
          times(3, smallFrame(FRAME.CONTINUATION, 0, 1, Buffer.alloc(0))),
        ]),
      ],
      ["an index of no entry", smallFrame(FRAME.HEADERS, FLAG.END_HEADERS, 1, Buffer.of(0xff, 0xff, 0x01))],
      ["a table size that was not announced", smallFrame(FRAME.HEADERS, FLAG.END_HEADERS, 1, Buffer.of(0x3f, 0xe1, 0x1f))],
      [
        "more than a window of one stream",
        Buffer.concat([headersFrames(1, [[":status", "200"]]), times(9, dataFrame(1, Buffer.alloc(16_000)))]),
      ],
      ["a flood of pings", times(30_000, smallFrame(FRAME.PING, 0, 0, Buffer.alloc(8)))],
      ["a flood of settings", times(30_000, settingsFrame([]))],
      ["a flood of empty frames", Buffer.concat([headersFrames(1, [[":status", "200"]]), times(30_000, dataFrame(1, ""))])],
      ["no HTTP/2", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n".repeat(1_000))],
      ["a goaway that is too small", smallFrame(FRAME.GOAWAY, 0, 0, Buffer.alloc(3))],
    ])("loses its connection for %s, and the next one serves", async (_name, frames) => {
      await using raw = await startRawHttp2({
        onRequest: ({ connection, streamId }) => {
          if (raw.connections.length === 1 && raw.requests.length === 1) connection.send(frames);
          else connection.send(headersFrames(streamId, [[":status", "204"]], FLAG.END_STREAM));
        },
      });
      await using upstream = upstreamTo([raw.url]);
      const first = await upstream.send(requestTo("GET"), new CancelSource());
      // what had a head ends in its body
      if (!first.ok) expect(first.error.problem).toBe("upstream_invalid_response");
      while (raw.connections[0]?.of(FRAME.GOAWAY).length !== 1 && raw.connections[0]?.socket.destroyed !== true) await turn();
      expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({ ok: true });
      expect(raw.connections).toHaveLength(2);
    });

    it("cannot stop a request by taking no streams at all: it ends with the time for connecting", async () => {
      await using raw = await startRawHttp2({ greeting: settingsFrame([[3, 0]]) });
      await using upstream = upstreamTo([raw.url], {
        timeouts: { connectMs: 50, firstByteMs: 100, idleMs: 100, totalMs: undefined },
      });
      expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({ error: { problem: "upstream_timeout" } });
      expect(raw.requests).toHaveLength(0);
    });

    it("cannot make a request go round for ever by hanging up each time", async () => {
      await using raw = await startRawHttp2({
        onRequest: ({ connection }) => connection.send(goawayFrame(0, 0)),
      });
      await using upstream = upstreamTo([raw.url]);
      expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({
        error: { problem: "upstream_unreachable" },
      });
      expect(raw.requests).toHaveLength(2);
    });
  });
}
