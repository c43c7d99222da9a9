import { describe, expect, it } from "vitest";
import { CancelSource } from "../../../src/model/cancel.ts";
import { bytesStream } from "../../../src/support/byte-streams.ts";
import { bytesOf, HandStream } from "../../support/byte-flow.ts";
import { startRawUpstream } from "../../support/raw-upstream.ts";
import { turn } from "../../support/turn.ts";
import { readAll, requestTo, startServer, textBody, type UpstreamTo } from "../../support/upstream.ts";

/** What leaves: the request given, once, with one framing. */
export function writesRequests(upstreamTo: UpstreamTo): void {
  describe("what an HTTP upstream sends", () => {
    it("is the method, target and lines it was given, in order, with framing of its own", async () => {
      await using raw = await startRawUpstream((socket) => socket.write("HTTP/1.1 204 x\r\n\r\n"));
      await using upstream = upstreamTo([raw.url]);
      const lines = [
        ["X-B", "1"],
        ["x-a", "caf\xe9"],
        ["X-B", "2"],
        ["content-length", "99"],
        ["connection", "close"],
      ] as const;
      await upstream.send(requestTo("DELETE", "/a%2Fb?q=1&q=%20", undefined, ...lines), new CancelSource());
      // a line of the client's own about the connection may follow the host
      expect(raw.received().replace("connection: keep-alive\r\n", "")).toBe(
        "DELETE /a%2Fb?q=1&q=%20 HTTP/1.1\r\nhost: api.test\r\nX-B: 1\r\nx-a: caf\xe9\r\nX-B: 2\r\n\r\n",
      );
    });

    it.each([
      ["bytes", bytesOf("hello"), "5"],
      ["a stream of known length", bytesStream([bytesOf("he"), bytesOf("llo")]), "5"],
      [
        "a stream of unknown length that is all there",
        { ...bytesStream([bytesOf("he"), bytesOf("llo")]), declaredBytes: undefined },
        "5",
      ],
    ])("frames %s by its length", async (_name, body, length) => {
      await using server = await startServer(async (request, response) => {
        response.end(
          JSON.stringify([await readAll(request), request.headers["content-length"], request.headers["transfer-encoding"]]),
        );
      });
      await using upstream = upstreamTo([server.url]);
      const answer = await upstream.send(requestTo("POST", "/", body), new CancelSource());
      expect(answer.ok && JSON.parse(await textBody(answer.value.body))).toEqual(["hello", length, null]);
    });

    it("frames a stream of unknown length in chunks", async () => {
      await using server = await startServer(async (request, response) =>
        response.end(`${await readAll(request)} ${request.headers["transfer-encoding"]}`),
      );
      await using upstream = upstreamTo([server.url]);
      const body = new HandStream();
      const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
      while (body.sink === undefined) await turn();
      body.write("hel");
      await turn();
      body.write("lo");
      body.sink.end();
      const answer = await pending;
      expect(answer.ok && (await textBody(answer.value.body))).toBe("hello chunked");
    });

    it("goes to the endpoints in turn, over kept-alive connections", async () => {
      let connections = 0;
      const seen: string[] = [];
      await using a = await startServer((_request, response) => response.end("a"));
      await using b = await startServer((_request, response) => response.end("b"));
      for (const { server } of [a, b]) server.on("connection", () => (connections += 1));
      await using upstream = upstreamTo([a.url, b.url]);
      for (let i = 0; i < 6; i += 1) {
        const answer = await upstream.send(requestTo("GET"), new CancelSource());
        if (answer.ok) seen.push(await textBody(answer.value.body));
      }
      expect(seen.join("")).toBe("ababab");
      expect(connections).toBe(2);
    });

    it("is refused as overload beyond the most requests under way, and the body given up", async () => {
      await using server = await startServer(() => {});
      await using upstream = upstreamTo([server.url], { maxRequests: 1 });
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
      const again = new CancelSource();
      const third = upstream.send(requestTo("GET"), again);
      await turn();
      again.abort();
      expect(await third).toMatchObject({ error: { problem: "upstream_unreachable" } });
    });

    it("counts what has a place already, until it is left", async () => {
      await using server = await startServer((_request, response) => response.end("ok"));
      await using upstream = upstreamTo([server.url], { maxRequests: 1 });
      const place = upstream.reserve?.();
      expect(upstream.reserve?.()).toMatchObject({ ok: false, error: { problem: "upstream_overloaded" } });
      const refused = await upstream.send(requestTo("GET"), new CancelSource());
      expect(refused).toMatchObject({ error: { problem: "upstream_overloaded", mayBeSentElsewhere: true } });
      if (place?.ok === true) for (let turn = 0; turn < 2; turn += 1) place.value();
      const answer = await upstream.send(requestTo("GET"), new CancelSource());
      expect(answer.ok && (await textBody(answer.value.body))).toBe("ok");
    });

    it.each([
      ["a header name", ["bad name", "x"]],
      ["a header value", ["x", "a\r\nb"]],
      ["a character above U+00FF", ["x", "\u0100"]],
    ] as const)("is nothing when %s cannot be written, and nothing throws", async (_name, line) => {
      await using raw = await startRawUpstream((socket) => socket.end());
      await using upstream = upstreamTo([raw.url]);
      expect(await upstream.send(requestTo("GET", "/", undefined, line), new CancelSource())).toMatchObject({
        ok: false,
        error: { problem: "bad_request" },
      });
      expect(raw.received()).toBe("");
    });

    it("is never sent twice: a connection that breaks behind the request fails the exchange", async () => {
      let requests = 0;
      await using raw = await startRawUpstream((socket) => {
        requests += 1;
        if (requests === 1) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        else socket.destroy();
      });
      await using upstream = upstreamTo([raw.url]);
      const first = await upstream.send(requestTo("GET"), new CancelSource());
      expect(first.ok && (await textBody(first.value.body))).toBe("ok");
      expect(await upstream.send(requestTo("GET"), new CancelSource())).toMatchObject({
        error: { problem: "upstream_invalid_response" },
      });
      await turn();
      expect(requests).toBe(2);
    });
  });
}
