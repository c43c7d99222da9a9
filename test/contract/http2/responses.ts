import { FLAG, FRAME, H2_ERROR, numberFrame } from "@sallyport/lean-grpc/frame.ts";
import type { Field } from "@sallyport/lean-grpc/hpack-table.ts";
import { describe, expect, it } from "vitest";
import { isStream } from "../../../src/model/byte-stream.ts";
import { CancelSource } from "../../../src/model/cancel.ts";
import { collect } from "../../../src/support/byte-streams.ts";
import { HandStream, RecordingSink, textOf } from "../../support/byte-flow.ts";
import { startHttp2Server } from "../../support/http2-server.ts";
import { dataFrame, headersFrames, startRawHttp2 } from "../../support/raw-http2.ts";
import { turn } from "../../support/turn.ts";
import { requestTo, textBody, type UpstreamTo } from "../../support/upstream.ts";

const END = FLAG.END_STREAM;
const head = (fields: readonly Field[], flags = 0): Buffer => headersFrames(1, fields, flags);
const OK: Field = [":status", "200"];

async function answered(upstreamTo: UpstreamTo, frames: readonly Buffer[], method = "GET") {
  await using raw = await startRawHttp2({ onRequest: ({ connection }) => connection.send(...frames) });
  await using upstream = upstreamTo([raw.url]);
  const answer = await upstream.send(requestTo(method), new CancelSource());
  if (!answer.ok) return answer;
  const { body } = answer.value;
  const collected = isStream(body) ? await collect(body, { maxBytes: 1_000_000 }) : undefined;
  return { ...answer, text: collected?.kind === "complete" ? textOf(collected.bytes) : (collected?.kind ?? "no body") };
}

/** What comes back: bytes kept, ambiguity refused, backpressure, trailers. */
export function readsHttp2Responses(upstreamTo: UpstreamTo): void {
  describe("a response of an HTTP/2 upstream", () => {
    it("keeps its lines as they came: order, repetition, bytes above ASCII", async () => {
      const lines: readonly Field[] = [
        ["set-cookie", "a=1"],
        ["x-n", "caf\xe9"],
        ["set-cookie", "b=2"],
        ["content-length", "2"],
      ];
      const answer = await answered(upstreamTo, [head([[":status", "203"], ...lines]), dataFrame(1, "ok", END)]);
      expect(answer).toMatchObject({ ok: true, text: "ok", value: { status: 203 } });
      expect(answer.ok && answer.value.headers.toRaw()).toEqual(lines.flat());
      expect(answer.ok && isStream(answer.value.body) && answer.value.body.declaredBytes).toBe(2);
    });

    it.each([
      ["HEAD with a length", "HEAD", [head([OK, ["content-length", "1234"]], END)]],
      ["HEAD with a length and an end of its own", "HEAD", [head([OK, ["content-length", "1234"]]), dataFrame(1, "", END)]],
      ["204", "GET", [head([[":status", "204"]], END)]],
      [
        "304 with a length",
        "GET",
        [
          head(
            [
              [":status", "304"],
              ["content-length", "1234"],
            ],
            END,
          ),
        ],
      ],
      ["a length of zero", "GET", [head([OK, ["content-length", "0"]]), dataFrame(1, "", END)]],
      ["nothing but trailers in its head", "GET", [head([OK, ["grpc-status", "0"]], END)]],
    ] as const)("has no body: %s", async (_name, method, frames) => {
      expect(await answered(upstreamTo, frames, method)).toMatchObject({ ok: true, text: "no body" });
    });

    it("is read behind interim ones, which are dropped", async () => {
      const interim = head([
        [":status", "103"],
        ["link", "x"],
      ]);
      const answer = await answered(upstreamTo, [interim, interim, head([OK]), dataFrame(1, "ok", END)]);
      expect(answer).toMatchObject({ ok: true, text: "ok" });
      expect(answer.ok && answer.value.headers.has("link")).toBe(false);
    });

    it("brings its trailers, without those that would be too late or are ours to say", async () => {
      const trailers = head(
        [
          ["grpc-status", "5"],
          ["set-cookie", "a=1"],
          ["content-length", "3"],
          ["sallyport-x", "1"],
          ["x-sum-bin", "AA=="],
        ],
        END,
      );
      await using raw = await startRawHttp2({
        onRequest: ({ connection }) => connection.send(head([OK]), dataFrame(1, "ok"), trailers),
      });
      await using upstream = upstreamTo([raw.url]);
      const answer = await upstream.send(requestTo("GET"), new CancelSource());
      const sink = new RecordingSink();
      if (answer.ok && isStream(answer.value.body)) answer.value.body.pipe(sink);
      expect(await sink.over).toEqual({ kind: "ended" });
      expect(sink.text).toBe("ok");
      expect(sink.trailers?.toRaw()).toEqual(["grpc-status", "5", "x-sum-bin", "AA=="]);
    });

    it.each([
      ["no status", [head([["x", "1"]], END)]],
      ["a status that is no number", [head([[":status", "2x0"]], END)]],
      ["a status twice", [head([OK, [":status", "404"]], END)]],
      ["a pseudo-header behind a header", [head([["x", "1"], OK], END)]],
      ["a request's pseudo-header", [head([OK, [":path", "/"]], END)]],
      ["a name in upper case", [head([OK, ["X-A", "1"]], END)]],
      ["an empty name", [head([OK, ["", "1"]], END)]],
      ["NUL in a value", [head([OK, ["x", "a\0b"]], END)]],
      ["CR LF in a value", [head([OK, ["x", "a\r\nset-cookie: b"]], END)]],
      ["white space around a value", [head([OK, ["x", " a"]], END)]],
      ["a connection header", [head([OK, ["connection", "close"]], END)]],
      ["a transfer coding", [head([OK, ["transfer-encoding", "chunked"]]), dataFrame(1, "", END)]],
      ["a length twice", [head([OK, ["content-length", "2"], ["content-length", "2"]]), dataFrame(1, "ok", END)]],
      ["a padded length", [head([OK, ["content-length", "02"]]), dataFrame(1, "ok", END)]],
      ["a signed length", [head([OK, ["content-length", "+2"]]), dataFrame(1, "ok", END)]],
      ["a length and no body", [head([OK, ["content-length", "2"]], END)]],
      ["101", [head([[":status", "101"]], END)]],
      ["an interim end", [head([[":status", "103"]], END)]],
      ["a status beyond 599", [head([[":status", "999"]], END)]],
      ["a body without a head", [dataFrame(1, "ok", END)]],
      ["a head too large", [head([OK, ["x", "x".repeat(70_000)]], END)]],
    ] as const)("is refused for %s", async (_name, frames) => {
      expect(await answered(upstreamTo, frames)).toMatchObject({ ok: false, error: { problem: "upstream_invalid_response" } });
    });

    it.each([
      ["is cut short of its length", [head([OK, ["content-length", "10"]]), dataFrame(1, "hel", END)]],
      ["is longer than its length", [head([OK, ["content-length", "2"]]), dataFrame(1, "hello", END)]],
      ["is reset", [head([OK]), dataFrame(1, "he"), numberFrame(FRAME.RST_STREAM, 1, H2_ERROR.CANCEL)]],
      ["is reset as if all were well", [head([OK]), dataFrame(1, "he"), numberFrame(FRAME.RST_STREAM, 1, H2_ERROR.NO_ERROR)]],
      ["has trailers that do not end it", [head([OK]), dataFrame(1, "he"), head([["x", "1"]])]],
      ["has a pseudo-header in its trailers", [head([OK]), dataFrame(1, "he"), head([[":status", "200"]], END)]],
      ["has an illegal trailer", [head([OK]), dataFrame(1, "he"), head([["x", "a\nb"]], END)]],
    ] as const)("breaks when its body %s", async (_name, frames) => {
      expect(await answered(upstreamTo, frames)).toMatchObject({ ok: true, text: "broken" });
    });

    it("does not take other streams with it when it is refused", async () => {
      await using raw = await startRawHttp2({
        onRequest: ({ connection, streamId }) => {
          if (streamId === 1) connection.send(headersFrames(1, [OK, ["connection", "x"]]));
          else connection.send(headersFrames(streamId, [OK], END));
        },
      });
      await using upstream = upstreamTo([raw.url]);
      const [bad, good] = await Promise.all([
        upstream.send(requestTo("GET"), new CancelSource()),
        upstream.send(requestTo("GET"), new CancelSource()),
      ]);
      expect([bad.ok, good.ok]).toEqual([false, true]);
      while (raw.connections[0]?.of(FRAME.RST_STREAM, 1).length !== 1) await turn();
      expect(raw.connections).toHaveLength(1);
    });

    it("waits for its reader, holding no more than a little, and holds up nobody else", async () => {
      let written = 0;
      await using server = await startHttp2Server((request, response) => {
        if (request.url !== "/large") return response.end("small");
        const more = (): void => {
          while (written < 50 && response.write(Buffer.alloc(1024 * 1024))) written += 1;
          written += 1;
          if (written < 50) response.once("drain", more);
          else response.end();
        };
        more();
        return undefined;
      });
      await using upstream = upstreamTo([server.url]);
      const answer = await upstream.send(requestTo("GET", "/large"), new CancelSource());
      const sink = new RecordingSink(1);
      const flow = answer.ok && isStream(answer.value.body) ? answer.value.body.pipe(sink) : undefined;
      for (let quiet = 0, before = -1; quiet < 20; quiet += 1, before = written) {
        if (before !== written) quiet = 0;
        await turn();
      }
      expect(sink.byteCount).toBeLessThanOrEqual(128 * 1024);
      expect(written).toBeLessThan(10);
      const other = await upstream.send(requestTo("GET", "/small"), new CancelSource());
      expect(other.ok && (await textBody(other.value.body))).toBe("small");
      if (flow !== undefined) sink.feed(Number.POSITIVE_INFINITY, flow);
      expect(await sink.over).toEqual({ kind: "ended" });
      expect(sink.byteCount).toBe(50 * 1024 * 1024);
      expect(server.connections).toHaveLength(1);
    });

    it("may come before the request is complete, and then gives the rest of it up", async () => {
      await using raw = await startRawHttp2({
        onRequest: ({ connection }) => connection.send(head([[":status", "413"]]), dataFrame(1, "too much", END)),
      });
      await using upstream = upstreamTo([raw.url]);
      const body = new HandStream();
      const answer = await upstream.send(requestTo("POST", "/", body), new CancelSource());
      expect(answer).toMatchObject({ ok: true, value: { status: 413 } });
      expect(answer.ok && (await textBody(answer.value.body))).toBe("too much");
      while (!body.cancelled) await turn();
      while (raw.connections[0]?.of(FRAME.RST_STREAM, 1).length !== 1) await turn();
    });

    it("flows while the request does, both ways", async () => {
      await using server = await startHttp2Server((request, response) => {
        request.on("data", (chunk: Buffer) => response.write(chunk.toString().toUpperCase()));
        request.on("end", () => response.end());
      });
      await using upstream = upstreamTo([server.url]);
      const body = new HandStream();
      const pending = upstream.send(requestTo("POST", "/", body), new CancelSource());
      while (body.sink === undefined) await turn();
      body.write("a");
      const answer = await pending;
      const sink = new RecordingSink();
      if (answer.ok && isStream(answer.value.body)) answer.value.body.pipe(sink);
      for (const letter of ["b", "c"]) {
        const { byteCount } = sink;
        body.write(letter);
        while (sink.byteCount === byteCount) await turn();
      }
      body.sink.end();
      expect(await sink.over).toEqual({ kind: "ended" });
      expect(sink.text).toBe("ABC");
    });
  });
}
