import { describe, expect, it } from "vitest";
import { BodyFailure } from "../../../src/model/body-failure.ts";
import { isStream } from "../../../src/model/byte-stream.ts";
import { CancelSource } from "../../../src/model/cancel.ts";
import { HandStream, RecordingSink } from "../../support/byte-flow.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { startRawUpstream } from "../../support/raw-upstream.ts";
import { turn } from "../../support/turn.ts";
import { answered, readAll, requestTo, startServer, textBody, TIMEOUTS, type UpstreamTo } from "../../support/upstream.ts";

/** What goes wrong at the upstream, in the words of the port. */
export function tellsFailures(upstreamTo: UpstreamTo): void {
  describe("an HTTP upstream that fails", () => {
    it("is unreachable when nobody listens, and the request body is given up", async () => {
      const server = await startServer(() => {});
      await server[Symbol.asyncDispose]();
      await using upstream = upstreamTo([server.url]);
      const body = new HandStream();
      expect(await upstream.send(requestTo("POST", "/", body), new CancelSource())).toMatchObject({
        ok: false,
        error: { problem: "upstream_unreachable", cause: expect.stringContaining("ECONNREFUSED") },
      });
      expect(body.discarded).toBe(true);
    });

    it.each([
      ["closes without a word", ""],
      ["closes within the head", "HTTP/1.1 200 OK\r\nX: "],
    ])("invites no repeat when it %s: it may have acted", async (_name, bytes) => {
      expect(await answered(upstreamTo, bytes, { closes: true })).toMatchObject({
        error: { problem: "upstream_invalid_response" },
      });
    });

    it.each([
      ["the first byte", {}, {}, 30_000],
      ["the whole", { totalMs: 7_000 }, {}, 7_000],
      ["the request's own deadline", {}, { deadlineMs: 3_000 }, 3_000],
      ["the whole, where the request's deadline is later", { totalMs: 7_000 }, { deadlineMs: 9_000 }, 7_000],
    ])("times out on %s, and the connection is closed", async (_name, timeouts, more, ms) => {
      const clock = new FakeClock();
      await using raw = await startRawUpstream(() => {});
      await using upstream = upstreamTo([raw.url], { clock, timeouts: { ...TIMEOUTS, ...timeouts } });
      const pending = upstream.send({ ...requestTo("GET"), ...more }, new CancelSource());
      while (raw.received() === "") await turn();
      clock.advance(ms - 1);
      await turn();
      expect(raw.connections[0]?.destroyed).toBe(false);
      clock.advance(1);
      expect(await pending).toMatchObject({ ok: false, error: { problem: "upstream_timeout" } });
      await new Promise((resolve) => raw.connections[0]?.once("close", resolve));
    });

    it("times out on connecting, and sends nothing when the connection comes too late", async () => {
      const clock = new FakeClock();
      await using raw = await startRawUpstream(() => {});
      await using upstream = upstreamTo([raw.url], { clock });
      const body = new HandStream();
      const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
      clock.advance(5_000);
      expect(await pending).toMatchObject({ error: { problem: "upstream_timeout", cause: "connect timeout 5000 ms exceeded" } });
      expect(body.discarded).toBe(true);
      // the connection may come all the same, or never be tried
      for (let i = 0; i < 50; i += 1) await turn();
      expect(raw.received()).toBe("");
      expect(clock.pending).toBe(0);
    });

    it("times out on interim responses without end", async () => {
      const clock = new FakeClock();
      await using raw = await startRawUpstream((socket) => socket.write("HTTP/1.1 102 P\r\n\r\n".repeat(100)));
      await using upstream = upstreamTo([raw.url], { clock });
      const pending = upstream.send(requestTo("GET"), new CancelSource());
      while (raw.received() === "") await turn();
      clock.advance(30_000);
      expect(await pending).toMatchObject({ error: { problem: "upstream_timeout" } });
    });

    it("breaks its body off at the request's own deadline, however lively it is", async () => {
      const clock = new FakeClock();
      await using raw = await startRawUpstream((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel"));
      await using upstream = upstreamTo([raw.url], { clock });
      const answer = await upstream.send({ ...requestTo("GET"), deadlineMs: 3_000 }, new CancelSource());
      const sink = new RecordingSink();
      if (answer.ok && isStream(answer.value.body)) answer.value.body.pipe(sink);
      while (sink.byteCount < 3) await turn();
      clock.advance(3_000);
      expect(await sink.over).toMatchObject({ kind: "failed", cause: { problem: "upstream_timeout" } });
    });

    it("breaks its body off when it falls silent, not when the reader rests", async () => {
      const clock = new FakeClock();
      await using raw = await startRawUpstream((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel"));
      await using upstream = upstreamTo([raw.url], { clock });
      const answer = await upstream.send(requestTo("GET"), new CancelSource());
      const sink = new RecordingSink(1);
      clock.advance(300_000);
      const flow = answer.ok && isStream(answer.value.body) ? answer.value.body.pipe(sink) : undefined;
      while (sink.byteCount < 3) await turn();
      clock.advance(300_000);
      expect(sink.endings).toBe(0);
      if (flow !== undefined) sink.feed(10, flow);
      clock.advance(120_000);
      expect(await sink.over).toMatchObject({ kind: "failed", cause: { problem: "upstream_timeout" } });
    });

    it("times out when it takes no more of the request", async () => {
      const clock = new FakeClock();
      await using raw = await startRawUpstream((socket) => socket.pause());
      await using upstream = upstreamTo([raw.url], { clock });
      const body = new HandStream();
      const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
      while (body.sink === undefined) await turn();
      // as much as the kernel takes, and one piece more
      for (let quiet = 0, wanted = 0; quiet < 50; await turn(), quiet += 1) {
        if (wanted > body.resumed) continue;
        quiet = 0;
        if (!body.write("x".repeat(1024 * 1024))) wanted = body.resumed + 1;
      }
      clock.advance(130_000);
      expect(await pending).toMatchObject({ error: { problem: "upstream_timeout" } });
      expect(body.cancelled).toBe(true);
    });

    it("is not blamed for a client that is slow to send", async () => {
      const clock = new FakeClock();
      await using server = await startServer(async (request, response) => response.end(await readAll(request)));
      await using upstream = upstreamTo([server.url], { clock });
      const body = new HandStream();
      const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
      while (body.sink === undefined) await turn();
      body.write("hel");
      await turn();
      clock.advance(600_000);
      body.write("lo");
      body.sink.end();
      const answer = await pending;
      expect(answer.ok && (await textBody(answer.value.body))).toBe("hello");
    });
  });
}

/** What goes wrong with the request body. */
export function blamesTheClient(upstreamTo: UpstreamTo): void {
  describe("a request body that fails on its way to an upstream", () => {
    it.each([
      ["stalls", new BodyFailure("request_timeout", "Too slow."), "request_timeout"],
      ["breaks off", new BodyFailure("client_closed", "Gone."), "bad_request"],
      ["grows too large", "over the limit", "bad_request"],
    ])("is the client's fault when it %s, and the connection is closed", async (_name, cause, problem) => {
      await using raw = await startRawUpstream(() => {});
      await using upstream = upstreamTo([raw.url]);
      const body = new HandStream(100);
      const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
      while (body.sink === undefined) await turn();
      body.write("hel");
      while (raw.received() === "") await turn();
      body.sink.fail(cause);
      expect(await pending).toMatchObject({ ok: false, error: { problem } });
      await new Promise((resolve) => raw.connections[0]?.once("close", resolve));
    });

    it.each([
      ["ends early", (body: HandStream) => body.sink?.end()],
      ["is longer", (body: HandStream) => body.write("x".repeat(200))],
    ])("is not forwarded as another length than declared: it %s", async (_name, hurt) => {
      await using raw = await startRawUpstream(() => {});
      await using upstream = upstreamTo([raw.url]);
      const body = new HandStream(100);
      const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
      while (body.sink === undefined) await turn();
      body.write("hel");
      while (raw.received() === "") await turn();
      hurt(body);
      expect(await pending).toMatchObject({ error: { problem: "bad_request" } });
      expect(raw.received().length).toBeLessThan(250);
    });
  });
}
