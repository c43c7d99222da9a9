import { FLAG, FRAME, H2_ERROR, numberFrame, SETTING, settingsFrame, goawayFrame } from "@sallyport/lean-grpc/frame.ts";
import { describe, expect, it } from "vitest";
import { CancelSource } from "../../../src/model/cancel.ts";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { bytesStream } from "../../../src/support/byte-streams.ts";
import { bytesOf, HandStream } from "../../support/byte-flow.ts";
import { readAllHttp2, startHttp2Server } from "../../support/http2-server.ts";
import { headersFrames, startRawHttp2, type RawRequest } from "../../support/raw-http2.ts";
import { turn } from "../../support/turn.ts";
import { requestTo, textBody, type UpstreamTo } from "../../support/upstream.ts";

const answerEmpty = ({ connection, streamId }: RawRequest, status = "204"): void =>
  connection.send(headersFrames(streamId, [[":status", status]], FLAG.END_STREAM));

/** What leaves: the request given, once, with one framing. */
export function writesHttp2Requests(upstreamTo: UpstreamTo): void {
  describe("what an HTTP/2 upstream sends", () => {
    it("is the method, target and lines it was given, in order, names in lower case, nothing about the connection", async () => {
      await using raw = await startRawHttp2({ onRequest: answerEmpty });
      await using upstream = upstreamTo([raw.url]);
      const lines = [
        ["X-B", "1"],
        ["x-a", "caf\xe9"],
        ["X-B", "2"],
        ["content-length", "99"],
        ["connection", "close"],
        ["te", "gzip"],
        ["transfer-encoding", "chunked"],
      ] as const;
      await upstream.send(requestTo("DELETE", "/a%2Fb?q=1&q=%20", undefined, ...lines), new CancelSource());
      expect(raw.requests[0]?.endsStream).toBe(true);
      expect(raw.requests[0]?.fields).toEqual([
        [":method", "DELETE"],
        [":scheme", "http"],
        [":authority", "api.test"],
        [":path", "/a%2Fb?q=1&q=%20"],
        ["x-b", "1"],
        ["x-a", "caf\xe9"],
        ["x-b", "2"],
      ]);
    });

    it("asks for trailers where the request is gRPC", async () => {
      await using raw = await startRawHttp2({ onRequest: answerEmpty });
      await using upstream = upstreamTo([raw.url]);
      await upstream.send(requestTo("POST", "/", undefined, ["content-type", "application/grpc+proto"]), new CancelSource());
      expect(raw.requests[0]?.fields).toContainEqual(["te", "trailers"]);
    });

    it.each([
      ["bytes", bytesOf("hello"), "5"],
      ["a stream of known length", bytesStream([bytesOf("he"), bytesOf("llo")]), "5"],
      ["a stream of unknown length", { ...bytesStream([bytesOf("he"), bytesOf("llo")]), declaredBytes: undefined }, null],
    ])("sends %s, with its length where it is known", async (_name, body, length) => {
      await using server = await startHttp2Server(async (request, response) => {
        response.end(JSON.stringify([await readAllHttp2(request), request.headers["content-length"] ?? null]));
      });
      await using upstream = upstreamTo([server.url]);
      const answer = await upstream.send(requestTo("POST", "/", body), new CancelSource());
      expect(answer.ok && JSON.parse(await textBody(answer.value.body))).toEqual(["hello", length]);
    });

    it("sends what comes when it comes, and the trailers that may pass behind it", async () => {
      await using raw = await startRawHttp2({});
      await using upstream = upstreamTo([raw.url]);
      const body = new HandStream();
      const request = { ...requestTo("POST", "/", body), passesTrailer: (name: string) => name !== "x-secret" };
      const pending = upstream.send(request, new CancelSource());
      while (body.sink === undefined) await turn();
      body.write("hel");
      while (raw.connections[0]?.text(1) !== "hel") await turn();
      body.write("lo");
      body.sink.end(HeaderLines.of(["X-Sum", "7"], ["x-secret", "s"]));
      while (raw.requests.length < 2) await turn();
      expect(raw.connections[0]?.text(1)).toBe("hello");
      expect(raw.requests[1]?.fields).toEqual([["x-sum", "7"]]);
      answerEmpty(raw.requests[0] as RawRequest); // its head was read
      expect(await pending).toMatchObject({ ok: true, value: { status: 204 } });
    });

    it("drops trailers where none may pass", async () => {
      await using raw = await startRawHttp2({ onRequest: () => {} });
      await using upstream = upstreamTo([raw.url]);
      const body = new HandStream();
      const cancel = new CancelSource();
      const pending = upstream.send(requestTo("POST", "/", body), cancel);
      while (body.sink === undefined) await turn();
      body.sink.end(HeaderLines.of(["x-sum", "7"]));
      while (raw.connections[0]?.of(FRAME.DATA, 1).length !== 1) await turn();
      expect(raw.connections[0]?.of(FRAME.DATA, 1)[0]?.flags).toBe(FLAG.END_STREAM);
      expect(raw.requests).toHaveLength(1);
      cancel.abort();
      await pending;
    });

    it("goes to the endpoints in turn, over one connection each", async () => {
      const seen: string[] = [];
      await using a = await startHttp2Server((_request, response) => response.end("a"));
      await using b = await startHttp2Server((_request, response) => response.end("b"));
      await using upstream = upstreamTo([a.url, b.url]);
      for (let i = 0; i < 6; i += 1) {
        const answer = await upstream.send(requestTo("GET"), new CancelSource());
        if (answer.ok) seen.push(await textBody(answer.value.body));
      }
      expect(seen.join("")).toBe("ababab");
      expect(a.connections.length + b.connections.length).toBe(2);
    });

    it("shares a connection among requests at once, and makes another when the upstream takes no more streams", async () => {
      await using server = await startHttp2Server((_request, response) => setImmediate(() => response.end("ok")), {
        settings: { maxConcurrentStreams: 2 },
      });
      await using upstream = upstreamTo([server.url]);
      const answers = Array.from({ length: 40 }, async () => {
        const answer = await upstream.send(requestTo("GET"), new CancelSource());
        return answer.ok ? textBody(answer.value.body) : answer.error.cause;
      });
      expect(new Set(await Promise.all(answers))).toEqual(new Set(["ok"]));
      expect(server.connections.length).toBeLessThanOrEqual(16);
    });

    it("never has more streams open than the upstream takes, whatever it says on the way", async () => {
      let open = 0;
      let most = 0;
      const waiting: RawRequest[] = [];
      await using raw = await startRawHttp2({
        greeting: settingsFrame([[SETTING.MAX_CONCURRENT_STREAMS, 3]]),
        onRequest: (request) => {
          open += 1;
          most = Math.max(most, open);
          waiting.push(request);
        },
      });
      await using upstream = upstreamTo([raw.url], { maxRequests: 100 });
      const answers = Array.from({ length: 60 }, () => upstream.send(requestTo("GET"), new CancelSource()));
      for (let done = 0; done < answers.length;) {
        await turn();
        const next = waiting.shift();
        if (next === undefined) continue;
        done += 1;
        open -= 1;
        answerEmpty(next);
      }
      await Promise.all(answers);
      expect(most).toBeLessThanOrEqual(3 * 16);
      for (const connection of raw.connections) expect(connection.of(FRAME.HEADERS).length).toBeGreaterThan(0);
    });

    it("is refused as overload beyond the most requests under way, and the body given up", async () => {
      await using raw = await startRawHttp2({});
      await using upstream = upstreamTo([raw.url], { maxRequests: 1 });
      const first = new CancelSource();
      const pending = upstream.send(requestTo("GET"), first);
      const body = new HandStream();
      expect(await upstream.send(requestTo("POST", "/", body), new CancelSource())).toMatchObject({
        ok: false,
        error: { problem: "upstream_overloaded" },
      });
      expect(body.discarded).toBe(true);
      first.abort();
      await pending;
    });

    it.each([
      ["a header name", ["bad name", "x"]],
      ["a pseudo-header", [":path", "/other"]],
      ["a header value", ["x", "a\r\nb"]],
      ["a character above U+00FF", ["x", "\u0100"]],
      ["a second host", ["host", "other.test"]],
    ] as const)("is nothing when %s cannot be written, and nothing throws", async (_name, line) => {
      await using raw = await startRawHttp2({});
      await using upstream = upstreamTo([raw.url]);
      expect(await upstream.send(requestTo("GET", "/", undefined, line), new CancelSource())).toMatchObject({
        ok: false,
        error: { problem: "bad_request" },
      });
      expect(raw.connections).toHaveLength(0);
    });

    it("is sent again, once, where the upstream said that it never looked at it", async () => {
      await using raw = await startRawHttp2({
        onRequest: (request) => {
          if (raw.requests.length === 1) request.connection.send(numberFrame(FRAME.RST_STREAM, 1, H2_ERROR.REFUSED_STREAM));
          else answerEmpty(request);
        },
      });
      await using upstream = upstreamTo([raw.url]);
      expect(await upstream.send(requestTo("POST", "/", bytesOf("x")), new CancelSource())).toMatchObject({ ok: true });
      expect(raw.requests).toHaveLength(2);
    });

    it("is unreachable, and may be repeated, where the upstream refuses it again or its body was read", async () => {
      await using raw = await startRawHttp2({
        onRequest: ({ connection, streamId }) =>
          connection.send(numberFrame(FRAME.RST_STREAM, streamId, H2_ERROR.REFUSED_STREAM)),
      });
      await using upstream = upstreamTo([raw.url]);
      expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({
        error: { problem: "upstream_unreachable" },
      });
      expect(raw.requests).toHaveLength(2);
      const streamed = upstream.send(requestTo("POST", "/", new HandStream()), new CancelSource());
      expect(await streamed).toMatchObject({ error: { problem: "upstream_unreachable" } });
      expect(raw.requests).toHaveLength(3);
    });

    it("goes to another connection behind a GOAWAY that leaves it out, and what it leaves in is finished", async () => {
      await using raw = await startRawHttp2({
        onRequest: ({ connection, streamId }) => {
          if (raw.requests.length === 2) {
            connection.send(goawayFrame(1, H2_ERROR.NO_ERROR), headersFrames(1, [[":status", "200"]], FLAG.END_STREAM));
          } else if (raw.requests.length > 2) connection.send(headersFrames(streamId, [[":status", "201"]], FLAG.END_STREAM));
        },
      });
      await using upstream = upstreamTo([raw.url]);
      const answers = await Promise.all([
        upstream.send(requestTo("GET", "/1"), new CancelSource()),
        upstream.send(requestTo("GET", "/2"), new CancelSource()),
      ]);
      expect(answers).toMatchObject([{ value: { status: 200 } }, { value: { status: 201 } }]);
      expect(raw.connections).toHaveLength(2);
    });

    it("is never sent twice: a connection that breaks behind the request fails the exchange", async () => {
      await using raw = await startRawHttp2({
        onRequest: (request) => {
          if (raw.requests.length === 1) answerEmpty(request);
          else request.connection.socket.destroy();
        },
      });
      await using upstream = upstreamTo([raw.url]);
      expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({ ok: true });
      expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({
        error: { problem: "upstream_invalid_response" },
      });
      await turn();
      expect(raw.requests).toHaveLength(2);
    });
  });
}
