import { describe, expect, it } from "vitest";
import { isStream } from "../../../src/model/byte-stream.ts";
import { CancelSource } from "../../../src/model/cancel.ts";
import { RecordingSink } from "../../support/byte-flow.ts";
import { startRawUpstream } from "../../support/raw-upstream.ts";
import { turn } from "../../support/turn.ts";
import { requestTo, startServer, textBody, type UpstreamTo } from "../../support/upstream.ts";

/** A client that leaves. */
export function heedsCancelling(upstreamTo: UpstreamTo): void {
  describe("a cancelled request to an upstream", () => {
    it("closes the connection while the response is awaited", async () => {
      await using raw = await startRawUpstream(() => {});
      await using upstream = upstreamTo([raw.url]);
      const cancel = new CancelSource();
      const pending = upstream.send(requestTo("GET"), cancel);
      while (raw.received() === "") await turn();
      const closed = new Promise((resolve) => raw.connections[0]?.once("close", resolve));
      cancel.abort();
      expect(await pending).toMatchObject({ ok: false });
      await closed;
    });

    it("closes it while the body streams, and tells the reader", async () => {
      await using raw = await startRawUpstream((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel"));
      await using upstream = upstreamTo([raw.url]);
      const cancel = new CancelSource();
      const answer = await upstream.send(requestTo("GET"), cancel);
      const sink = new RecordingSink();
      if (answer.ok && isStream(answer.value.body)) answer.value.body.pipe(sink);
      const closed = new Promise((resolve) => raw.connections[0]?.once("close", resolve));
      cancel.abort();
      expect(await sink.over).toMatchObject({ kind: "failed" });
      await closed;
    });

    it("is never sent when it was cancelled before", async () => {
      await using raw = await startRawUpstream(() => {});
      await using upstream = upstreamTo([raw.url]);
      const cancel = new CancelSource();
      cancel.abort();
      expect(await upstream.send(requestTo("GET"), cancel)).toMatchObject({ ok: false });
      expect(raw.connections).toHaveLength(0);
    });

    it("closes the connection when nobody reads the response", async () => {
      await using raw = await startRawUpstream((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel"));
      await using upstream = upstreamTo([raw.url], { maxRequests: 1 });
      const answer = await upstream.send(requestTo("GET"), new CancelSource());
      const closed = new Promise((resolve) => raw.connections[0]?.once("close", resolve));
      if (answer.ok && isStream(answer.value.body)) answer.value.body.discard();
      await closed;
      const cancel = new CancelSource();
      const next = upstream.send(requestTo("GET"), cancel);
      expect((await next).ok).toBe(true);
      cancel.abort();
    });
  });
}

/** Disposing. */
export function closes(upstreamTo: UpstreamTo): void {
  describe("closing an HTTP upstream", () => {
    it("lets requests under way finish and takes no further ones", async () => {
      const answers: (() => void)[] = [];
      await using server = await startServer((_request, response) => void answers.push(() => response.end("late")));
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
  });
}
