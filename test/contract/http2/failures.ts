import { FLAG, FRAME, H2_ERROR, numberFrame, SETTING, settingsFrame } from "@sallyport/lean-grpc/frame.ts";
import { describe, expect, it } from "vitest";
import { BodyFailure } from "../../../src/model/body-failure.ts";
import { isStream } from "../../../src/model/byte-stream.ts";
import { CancelSource } from "../../../src/model/cancel.ts";
import { HandStream, RecordingSink } from "../../support/byte-flow.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { readAllHttp2, startHttp2Server } from "../../support/http2-server.ts";
import { dataFrame, headersFrames, startRawHttp2 } from "../../support/raw-http2.ts";
import { startRawUpstream } from "../../support/raw-upstream.ts";
import { turn } from "../../support/turn.ts";
import { requestTo, textBody, TIMEOUTS, type UpstreamTo } from "../../support/upstream.ts";

/** What goes wrong, in the words of the port. */
export function tellsHttp2Failures(upstreamTo: UpstreamTo): void {
  describe("an HTTP/2 upstream that fails", () => {
    it("is unreachable when nobody listens, and the request body is given up", async () => {
      const server = await startHttp2Server(() => {});
      await server[Symbol.asyncDispose]();
      await using upstream = upstreamTo([server.url]);
      const body = new HandStream();
      expect(await upstream.send(requestTo("POST", "/", body), new CancelSource())).toMatchObject({
        ok: false,
        error: { problem: "upstream_unreachable", cause: expect.stringContaining("ECONNREFUSED") },
      });
      expect(body.discarded).toBe(true);
    });

    it("is unreachable when it speaks HTTP/1.1, and no request is sent to it", async () => {
      await using raw = await startRawUpstream((socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
      await using upstream = upstreamTo([raw.url]);
      expect(await upstream.send(requestTo("GET", "/secret"), new CancelSource())).toMatchObject({
        error: { problem: "upstream_unreachable" },
      });
      expect(raw.received()).not.toContain("secret");
    });

    it.each([
      ["closes", (socket: { end(): void }) => socket.end()],
      ["breaks the connection", (socket: { resetAndDestroy(): void }) => socket.resetAndDestroy()],
    ])("invites no repeat when it %s: it may have acted", async (_name, hurt) => {
      await using raw = await startRawHttp2({ onRequest: ({ connection }) => hurt(connection.socket) });
      await using upstream = upstreamTo([raw.url]);
      expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({
        error: { problem: "upstream_invalid_response" },
      });
    });

    it.each([
      [H2_ERROR.INTERNAL_ERROR, "upstream_invalid_response"],
      [H2_ERROR.CANCEL, "upstream_invalid_response"],
      [H2_ERROR.ENHANCE_YOUR_CALM, "upstream_overloaded"],
    ])("says so with a reset of code %i", async (code, problem) => {
      await using raw = await startRawHttp2({
        onRequest: ({ connection, streamId }) => connection.send(numberFrame(FRAME.RST_STREAM, streamId, code)),
      });
      await using upstream = upstreamTo([raw.url]);
      expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({ error: { problem } });
    });

    it.each([
      ["the first byte", {}, {}, 30_000],
      ["the whole", { totalMs: 7_000 }, {}, 7_000],
      ["the request's own deadline", {}, { deadlineMs: 3_000 }, 3_000],
    ])("times out on %s, and the stream is reset", async (_name, timeouts, more, ms) => {
      const clock = new FakeClock();
      await using raw = await startRawHttp2({});
      await using upstream = upstreamTo([raw.url], { clock, timeouts: { ...TIMEOUTS, ...timeouts } });
      const pending = upstream.send({ ...requestTo("GET"), ...more }, new CancelSource());
      while (raw.requests.length === 0) await turn();
      clock.advance(ms - 1);
      clock.advance(1);
      expect(await pending).toMatchObject({ ok: false, error: { problem: "upstream_timeout" } });
      while (raw.connections[0]?.of(FRAME.RST_STREAM, 1).length !== 1) await turn();
    });

    it.each([
      ["does not answer a ping behind a timeout", false],
      ["answers it", true],
    ])("loses its connection only if it %s", async (_name, answers) => {
      const clock = new FakeClock();
      await using raw = await startRawHttp2({
        onFrame: (frame, { send }) => {
          if (frame.type === FRAME.PING && answers)
            send(Buffer.concat([Buffer.of(0, 0, 8, FRAME.PING, FLAG.ACK, 0, 0, 0, 0), frame.payload]));
        },
      });
      await using upstream = upstreamTo([raw.url], { clock });
      const first = upstream.send(requestTo("GET"), new CancelSource());
      while (raw.requests.length === 0) await turn();
      clock.advance(30_000);
      await first;
      while (raw.connections[0]?.of(FRAME.PING).length !== 1) await turn();
      for (let i = 0; i < 20; i += 1) await turn();
      clock.advance(5_000);
      const cancel = new CancelSource();
      const second = upstream.send(requestTo("GET"), cancel);
      while (raw.requests.length < 2) await turn();
      expect(raw.connections).toHaveLength(answers ? 1 : 2);
      cancel.abort();
      await second;
    });

    it("times out on connecting when it never says its settings, and gives the body up", async () => {
      const clock = new FakeClock();
      await using raw = await startRawHttp2({ greeting: Buffer.alloc(0) });
      await using upstream = upstreamTo([raw.url], { clock });
      const body = new HandStream();
      const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
      while (raw.connections.length === 0) await turn();
      clock.advance(5_000);
      expect(await pending).toMatchObject({ error: { problem: "upstream_timeout" } });
      expect(body.discarded).toBe(true);
      expect(raw.requests).toHaveLength(0);
    });

    it("times out on interim responses without end", async () => {
      const clock = new FakeClock();
      await using raw = await startRawHttp2({
        onRequest: ({ connection }) => {
          for (let i = 0; i < 100; i += 1) connection.send(headersFrames(1, [[":status", "102"]]));
        },
      });
      await using upstream = upstreamTo([raw.url], { clock });
      const pending = upstream.send(requestTo("GET"), new CancelSource());
      while (raw.requests.length === 0) await turn();
      clock.advance(30_000);
      expect(await pending).toMatchObject({ error: { problem: "upstream_timeout" } });
    });

    it("breaks its body off when it falls silent, not when the reader rests", async () => {
      const clock = new FakeClock();
      await using raw = await startRawHttp2({
        onRequest: ({ connection }) => connection.send(headersFrames(1, [[":status", "200"]]), dataFrame(1, "hel")),
      });
      await using upstream = upstreamTo([raw.url], { clock });
      const answer = await upstream.send(requestTo("GET"), new CancelSource());
      const sink = new RecordingSink(1);
      clock.advance(100_000);
      const flow = answer.ok && isStream(answer.value.body) ? answer.value.body.pipe(sink) : undefined;
      while (sink.byteCount < 3) await turn();
      clock.advance(100_000);
      expect(sink.endings).toBe(0);
      if (flow !== undefined) sink.feed(10, flow);
      clock.advance(70_000);
      expect(await sink.over).toMatchObject({ kind: "failed", cause: { problem: "upstream_timeout" } });
    });

    it("times out when it takes no more of the request", async () => {
      const clock = new FakeClock();
      await using raw = await startRawHttp2({});
      await using upstream = upstreamTo([raw.url], { clock });
      const body = new HandStream();
      const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
      while (body.sink === undefined) await turn();
      expect(body.write("x".repeat(1024 * 1024))).toBe(false);
      while (raw.connections[0]?.text(1).length !== 65_535) await turn();
      clock.advance(130_000);
      expect(await pending).toMatchObject({ error: { problem: "upstream_timeout" } });
      expect(body.cancelled).toBe(true);
    });

    it("takes bodies in its own time, byte for byte", async () => {
      const sent = Buffer.from(Array.from({ length: 1_000_000 }, (_, at) => at % 251));
      await using raw = await startRawHttp2({
        greeting: settingsFrame([[SETTING.INITIAL_WINDOW_SIZE, 1_000]]),
        onFrame: ({ type, payload, streamId }, { send }) => {
          if (type !== FRAME.DATA || payload.length === 0) return;
          send(numberFrame(FRAME.WINDOW_UPDATE, 0, payload.length), numberFrame(FRAME.WINDOW_UPDATE, streamId, payload.length));
        },
      });
      await using upstream = upstreamTo([raw.url]);
      const cancel = new CancelSource();
      const pending = upstream.send(requestTo("POST", "/", sent), cancel);
      const last = (): number => raw.connections[0]?.of(FRAME.DATA, 1).at(-1)?.flags ?? 0;
      while (last() !== FLAG.END_STREAM) await turn();
      const got = Buffer.concat(raw.connections[0]?.of(FRAME.DATA, 1).map(({ payload }) => payload) ?? []);
      expect(got.equals(sent)).toBe(true);
      cancel.abort();
      await pending;
    });

    it("is not blamed for a client that is slow to send", async () => {
      const clock = new FakeClock();
      await using server = await startHttp2Server(async (request, response) => response.end(await readAllHttp2(request)));
      await using upstream = upstreamTo([server.url], { clock });
      const body = new HandStream();
      const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
      while (body.sink === undefined) await turn();
      body.write("hel");
      await turn();
      for (let i = 0; i < 4; i += 1) {
        clock.advance(60_000);
        await turn();
      }
      body.write("lo");
      body.sink.end();
      const answer = await pending;
      expect(answer.ok && (await textBody(answer.value.body))).toBe("hello");
    });

    it.each([
      ["stalls", new BodyFailure("request_timeout", "Too slow."), "request_timeout"],
      ["breaks off", new BodyFailure("client_closed", "Gone."), "bad_request"],
      ["grows too large", "over the limit", "bad_request"],
    ])("is not to blame when the request body %s, and the stream is reset", async (_name, cause, problem) => {
      await using raw = await startRawHttp2({});
      await using upstream = upstreamTo([raw.url]);
      const body = new HandStream(100);
      const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
      while (body.sink === undefined) await turn();
      body.write("hel");
      body.sink.fail(cause);
      expect(await pending).toMatchObject({ ok: false, error: { problem } });
      while (raw.connections[0]?.of(FRAME.RST_STREAM, 1).length !== 1) await turn();
      expect(raw.connections[0]?.of(FRAME.DATA, 1).every(({ flags }) => flags === 0)).toBe(true);
    });

    it.each([
      ["ends early", (body: HandStream) => body.sink?.end()],
      ["is longer", (body: HandStream) => body.write("x".repeat(200))],
    ])("never gets another length than was declared: a body %s", async (_name, hurt) => {
      await using raw = await startRawHttp2({});
      await using upstream = upstreamTo([raw.url]);
      const body = new HandStream(100);
      const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
      while (body.sink === undefined) await turn();
      body.write("hel");
      hurt(body);
      expect(await pending).toMatchObject({ error: { problem: "bad_request" } });
      while (raw.connections[0]?.of(FRAME.RST_STREAM, 1).length !== 1) await turn();
      expect(raw.connections[0]?.text(1)).toBe("hel");
    });
  });
}
