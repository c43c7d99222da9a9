import { describe, expect, it } from "vitest";
import { isStream } from "../../../src/model/byte-stream.ts";
import { CancelSource } from "../../../src/model/cancel.ts";
import { HandStream, RecordingSink } from "../../support/byte-flow.ts";
import { startRawUpstream } from "../../support/raw-upstream.ts";
import { turn } from "../../support/turn.ts";
import { answered, requestTo, startServer, textBody, type UpstreamTo } from "../../support/upstream.ts";

/** What comes back: bytes kept, ambiguity refused, backpressure. */
export function readsResponses(upstreamTo: UpstreamTo): void {
  describe("a response of an HTTP upstream", () => {
    it("keeps its lines as they came: order, repetition, spelling, bytes above ASCII", async () => {
      const answer = await answered(
        upstreamTo,
        "HTTP/1.1 203 Odd\r\nSet-Cookie: a=1\r\nX-N:  caf\xe9 \r\nset-cookie: b=2\r\nContent-Length: 2\r\n\r\nok",
      );
      expect(answer).toMatchObject({ ok: true, text: "ok", value: { status: 203 } });
      expect(answer.ok && answer.value.headers.toRaw()).toEqual([
        "Set-Cookie",
        "a=1",
        "X-N",
        "caf\xe9",
        "set-cookie",
        "b=2",
        "Content-Length",
        "2",
      ]);
      expect(answer.ok && isStream(answer.value.body) && answer.value.body.declaredBytes).toBe(2);
    });

    it.each([
      ["HEAD with a length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"],
      ["204", "GET", "HTTP/1.1 204 No\r\n\r\n"],
      ["304 with a length", "GET", "HTTP/1.1 304 Not\r\nContent-Length: 1234\r\n\r\n"],
      ["a length of zero", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ])("has no body: %s", async (_name, method, bytes) => {
      expect(await answered(upstreamTo, bytes, { method })).toMatchObject({ ok: true, text: "no body" });
    });

    it.each([
      [
        "100-less interim ones",
        "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        false,
      ],
      [
        "chunks with extensions and trailers",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
        false,
      ],
      ["the end of the connection", "HTTP/1.0 200 OK\r\n\r\nok", true],
    ])("is read through %s", async (_name, bytes, closes) => {
      const answer = await answered(upstreamTo, bytes, { closes });
      expect(answer).toMatchObject({ ok: true, text: "ok" });
      expect(answer.ok && answer.value.headers.has("link")).toBe(false);
    });

    it.each([
      ["no HTTP", "hello\r\n\r\n"],
      ["a length twice", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"],
      ["a padded length", "HTTP/1.1 200 OK\r\nContent-Length: 02\r\n\r\nok"],
      ["a signed length", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok"],
      ["a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok"],
      ["length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
      ["another transfer coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
      ["a folded line", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok"],
      ["a line ended by LF", "HTTP/1.1 200 OK\r\nX: a\nContent-Length: 2\r\n\r\nok"],
      ["a line ended by CR", "HTTP/1.1 200 OK\r\nX: a\rContent-Length: 2\r\n\r\nok"],
      ["NUL in a value", "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok"],
      ["a control character in a value", "HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 2\r\n\r\nok"],
      ["a space before a colon", "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 2\r\n\r\nok"],
      ["a line without a colon", "HTTP/1.1 200 OK\r\nX\r\nContent-Length: 2\r\n\r\nok"],
      ["101 without being asked", "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"],
      ["a bare 101", "HTTP/1.1 101 Switching\r\n\r\n"],
      ["a status beyond 599", "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"],
      ["a head too large", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}\r\n\r\n`],
    ])("is refused for %s", async (_name, bytes) => {
      expect(await answered(upstreamTo, bytes)).toMatchObject({ ok: false, error: { problem: "upstream_invalid_response" } });
    });

    it.each([
      ["is cut short of its length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel"],
      ["is cut within a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"],
      ["is cut before its last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n"],
      ["has a chunk that lies", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n"],
    ])("breaks when its body %s", async (_name, bytes) => {
      expect(await answered(upstreamTo, bytes, { closes: true })).toMatchObject({ ok: true, text: "broken" });
    });

    it("leaves no bytes for the next request on its connection", async () => {
      let requests = 0;
      await using raw = await startRawUpstream((socket) => {
        requests += 1;
        socket.write(
          `HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n${requests === 1 ? "okHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil" : "ok"}`,
        );
      });
      await using upstream = upstreamTo([raw.url]);
      const first = await upstream.send(requestTo("GET"), new CancelSource());
      expect(first.ok && (await textBody(first.value.body))).toBe("ok");
      const second = await upstream.send(requestTo("GET"), new CancelSource());
      expect(second.ok && (await textBody(second.value.body))).toBe("ok");
      expect(raw.connections).toHaveLength(2);
    });

    it("waits for its reader, holding no more than a little", async () => {
      let written = 0;
      await using server = await startServer((_request, response) => {
        const more = (): void => {
          while (written < 200 && response.write(Buffer.alloc(1024 * 1024))) written += 1;
          written += 1;
          if (written < 200) response.once("drain", more);
          else response.end();
        };
        more();
      });
      await using upstream = upstreamTo([server.url]);
      const answer = await upstream.send(requestTo("GET"), new CancelSource());
      const sink = new RecordingSink(1);
      const flow = answer.ok && isStream(answer.value.body) ? answer.value.body.pipe(sink) : undefined;
      for (let quiet = 0, before = -1; quiet < 20; quiet += 1, before = written) {
        if (before !== written) quiet = 0;
        await turn();
      }
      expect(sink.byteCount).toBeLessThanOrEqual(256 * 1024);
      // what the kernel holds at most, not 200 MiB
      expect(written).toBeLessThan(100);
      if (flow !== undefined) sink.feed(Number.POSITIVE_INFINITY, flow);
      expect(await sink.over).toEqual({ kind: "ended" });
      expect(sink.byteCount).toBe(200 * 1024 * 1024);
    });

    it("may come before the request is complete, and then gives the rest of it up", async () => {
      await using server = await startServer((_request, response) => response.writeHead(413).end("too much"));
      await using upstream = upstreamTo([server.url]);
      const body = new HandStream();
      const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
      while (body.sink === undefined) await turn();
      body.write("some");
      const answer = await pending;
      expect(answer).toMatchObject({ ok: true, value: { status: 413 } });
      expect(answer.ok && (await textBody(answer.value.body))).toBe("too much");
      while (!body.cancelled) await turn();
    });
  });
}
