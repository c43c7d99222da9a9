import { FLAG, FRAME } from "@sallyport/lean-grpc/frame.ts";
import { describe, expect, it } from "vitest";
import { isStream } from "../../../src/model/byte-stream.ts";
import { CancelSource } from "../../../src/model/cancel.ts";
import { RecordingSink } from "../../support/byte-flow.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { startHttp2Server } from "../../support/http2-server.ts";
import { dataFrame, headersFrames, startRawHttp2, type RawHttp2 } from "../../support/raw-http2.ts";
import { turn } from "../../support/turn.ts";
import { requestTo, textBody, type UpstreamTo } from "../../support/upstream.ts";

const wasReset = async (raw: RawHttp2): Promise<void> => {
  while (raw.connections[0]?.of(FRAME.RST_STREAM, 1).length !== 1) await turn();
};

/** A client that leaves, and disposing. */
export function heedsEndings(upstreamTo: UpstreamTo): void {
  describe("a cancelled request to an HTTP/2 upstream", () => {
    it("resets its stream while the response is awaited", async () => {
      await using raw = await startRawHttp2({});
      await using upstream = upstreamTo([raw.url]);
      const cancel = new CancelSource();
      const pending = upstream.send(requestTo("GET"), cancel);
      while (raw.requests.length === 0) await turn();
      cancel.abort();
      expect(await pending).toMatchObject({ ok: false });
      await wasReset(raw);
    });

    it("resets it while the body streams, and tells the reader", async () => {
      await using raw = await startRawHttp2({
        onRequest: ({ connection }) => connection.send(headersFrames(1, [[":status", "200"]]), dataFrame(1, "hel")),
      });
      await using upstream = upstreamTo([raw.url]);
      const cancel = new CancelSource();
      const answer = await upstream.send(requestTo("GET"), cancel);
      const sink = new RecordingSink();
      if (answer.ok && isStream(answer.value.body)) answer.value.body.pipe(sink);
      cancel.abort();
      expect(await sink.over).toMatchObject({ kind: "failed" });
      await wasReset(raw);
    });

    it("is never sent when it was cancelled before", async () => {
      await using raw = await startRawHttp2({});
      await using upstream = upstreamTo([raw.url]);
      const cancel = new CancelSource();
      cancel.abort();
      expect(await upstream.send(requestTo("GET"), cancel)).toMatchObject({ ok: false });
      expect(raw.connections).toHaveLength(0);
    });

    it("is never sent when it is cancelled while it waits for a connection", async () => {
      await using raw = await startRawHttp2({});
      await using upstream = upstreamTo([raw.url]);
      const cancel = new CancelSource();
      const pending = upstream.send(requestTo("GET"), cancel);
      cancel.abort();
      expect(await pending).toMatchObject({ ok: false });
      const other = new CancelSource();
      const next = upstream.send(requestTo("GET", "/next"), other);
      while (raw.requests.length === 0) await turn();
      expect(raw.requests[0]?.fields).toContainEqual([":path", "/next"]);
      other.abort();
      await next;
    });

    it("resets its stream when nobody reads the response, and the connection serves on", async () => {
      await using raw = await startRawHttp2({
        onRequest: ({ connection, streamId }) =>
          connection.send(headersFrames(streamId, [[":status", "200"]]), dataFrame(streamId, "hel")),
      });
      await using upstream = upstreamTo([raw.url], { maxRequests: 1 });
      const answer = await upstream.send(requestTo("GET"), new CancelSource());
      if (answer.ok && isStream(answer.value.body)) answer.value.body.discard();
      await wasReset(raw);
      const cancel = new CancelSource();
      expect((await upstream.send(requestTo("GET"), cancel)).ok).toBe(true);
      expect(raw.connections).toHaveLength(1);
      cancel.abort();
    });
  });

  describe("closing an HTTP/2 upstream", () => {
    it("lets requests under way finish and takes no further ones", async () => {
      const answers: (() => void)[] = [];
      await using server = await startHttp2Server((_request, response) => void answers.push(() => response.end("late")));
      const upstream = upstreamTo([server.url]);
      const pending = upstream.send(requestTo("GET"), new CancelSource());
      while (answers.length === 0) await turn();
      const closing = upstream[Symbol.asyncDispose]();
      expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({
        error: { problem: "upstream_unreachable" },
      });
      answers[0]?.();
      const answer = await pending;
      expect(answer.ok && (await textBody(answer.value.body))).toBe("late");
      await closing;
    });

    it("leaves no timer behind", async () => {
      const clock = new FakeClock();
      await using raw = await startRawHttp2({
        onRequest: ({ connection, streamId }) => connection.send(headersFrames(streamId, [[":status", "204"]], FLAG.END_STREAM)),
      });
      const upstream = upstreamTo([raw.url], { clock });
      await upstream.send(requestTo("GET"), new CancelSource());
      await upstream[Symbol.asyncDispose]();
      while (!raw.connections.every(({ socket }) => socket.destroyed || socket.readableEnded)) await turn();
      for (let i = 0; i < 20; i += 1) await turn();
      expect(clock.pending).toBe(0);
    });

    it("lets a connection go that nobody uses", async () => {
      const clock = new FakeClock();
      await using raw = await startRawHttp2({
        onRequest: ({ connection, streamId }) => connection.send(headersFrames(streamId, [[":status", "204"]], FLAG.END_STREAM)),
      });
      await using upstream = upstreamTo([raw.url], { clock });
      await upstream.send(requestTo("GET"), new CancelSource());
      const closed = new Promise((resolve) => raw.connections[0]?.socket.once("close", resolve));
      clock.advance(60_000);
      await closed;
      expect(raw.connections[0]?.of(FRAME.GOAWAY)).toHaveLength(1);
    });
  });
}
