import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { grpcUpstream } from "../../../../../src/adapters/upstream/grpc/grpc-upstream.ts";
import { framed } from "../../../../../src/adapters/upstream/grpc/transcode/message-frames.ts";
import { isStream, type Body } from "../../../../../src/model/byte-stream.ts";
import { CancelSource } from "../../../../../src/model/cancel.ts";
import { HeaderLines } from "../../../../../src/model/header-lines.ts";
import { err, ok } from "../../../../../src/model/result.ts";
import type { Upstream, UpstreamRequest } from "../../../../../src/ports/upstream.ts";
import { bytesOf, HandStream, RecordingSink, textOf } from "../../../../support/byte-flow.ts";
import { TrackedStream } from "../../../../support/tracked-stream.ts";
import { requestTo } from "../../../../support/upstream.ts";

type Lines = readonly (readonly [string, string])[];

const withTrailers = (chunks: readonly Uint8Array[], ...lines: Lines): Body => ({
  declaredBytes: undefined,
  pipe(sink) {
    for (const chunk of chunks) sink.write(chunk);
    sink.end(HeaderLines.of(...lines));
    return { resume: () => {}, cancel: () => {} };
  },
  discard() {},
});

const OK = ["grpc-status", "0"] as const;

/** A gRPC service that remembers what it was sent, and answers with this. */
function service(body: Body, headers: Lines = []): Upstream & { readonly sent: UpstreamRequest[] } {
  const sent: UpstreamRequest[] = [];
  return {
    sent,
    send: async (request) => {
      sent.push(request);
      return ok({ status: 200, headers: HeaderLines.of(["content-type", "application/grpc"], ...headers), body });
    },
    async [Symbol.asyncDispose]() {},
  };
}

async function call(upstream: Upstream, type: string, body: Body, ...lines: Lines) {
  const request = requestTo("POST", "/a.B/C", body, ["content-type", type], ["connect-protocol-version", "1"], ...lines);
  const answer = await grpcUpstream(upstream).send(request, new CancelSource());
  if (!answer.ok) return { ...answer, bytes: Buffer.alloc(0), ending: undefined };
  const { body: got } = answer.value;
  if (!isStream(got)) return { ...answer, bytes: Buffer.from(got ?? []), ending: undefined };
  const sink = new RecordingSink();
  got.pipe(sink);
  return { ...answer, ending: (await sink.over).kind, bytes: Buffer.concat(sink.chunks) };
}

describe("a unary call of Connect to a gRPC upstream", () => {
  it.each(["proto", "json"])("is one message of %s, with its deadline and metadata", async (codec) => {
    const upstream = service(withTrailers([framed(bytesOf("answer"))], OK, ["x-sum", "3"]), [["x-lead", "l"]]);
    const lines = [
      ...[["x-own", "o"] as const, ["connect-timeout-ms", "1500"] as const],
      ...[["accept-encoding", "gzip, br;q=0.5, deflate;q=0, *"] as const, ["accept", "*/*"] as const],
    ];
    const { value, bytes } = {
      value: undefined,
      ...(await call(upstream, `application/${codec}`, bytesOf("question"), ...lines)),
    };
    expect([value?.status, bytes.toString()]).toEqual([200, "answer"]);
    expect(value?.headers.toRaw()).toEqual(["x-lead", "l", "content-type", `application/${codec}`, "trailer-x-sum", "3"]);
    const [sent] = upstream.sent;
    expect(Buffer.from(sent?.body as Uint8Array)).toEqual(framed(bytesOf("question"))); // made whole
    expect(Object.fromEntries([...(sent?.headers.names() ?? [])].map((name) => [name, sent?.headers.first(name)]))).toMatchObject(
      {
        "x-own": "o",
        "content-type": `application/grpc+${codec}`,
        "grpc-timeout": "1500m",
        "grpc-accept-encoding": "gzip,br",
      },
    );
    expect([...(sent?.headers.names() ?? [])].filter((name) => /^(connect-|accept)/.test(name))).toEqual([]);
  });

  it("stays compressed, both ways", async () => {
    const coded = (message: Uint8Array): Uint8Array => {
      const frame = framed(message);
      frame[0] = 1;
      return frame;
    };
    const upstream = service(withTrailers([coded(gzipSync("answer"))], OK), [["grpc-encoding", "gzip"]]);
    const answer = await call(upstream, "application/proto", gzipSync("question"), ["content-encoding", "gzip"]);
    expect(answer.ok && answer.value.headers.first("content-encoding")).toBe("gzip");
    expect(answer.bytes).toEqual(gzipSync("answer"));
    expect(upstream.sent[0]?.headers.first("grpc-encoding")).toBe("gzip");
    expect(upstream.sent[0]?.body).toMatchObject({ 0: 1 });
  });

  it("is not compressed because others of the call could be", async () => {
    const upstream = service(withTrailers([framed(bytesOf("plain"))], OK), [["grpc-encoding", "gzip"]]);
    const answer = await call(upstream, "application/proto", bytesOf("q"));
    expect(answer.ok && answer.value.headers.has("content-encoding")).toBe(false);
  });

  it.each([
    ["behind its head", withTrailers([], ["grpc-status", "5"], ["grpc-message", "no%20%E2%98%BA"], ["x-t", "1"]), []],
    [
      "with its head",
      undefined,
      [["grpc-status", "5"] as const, ["grpc-message", "no%20%E2%98%BA"] as const, ["x-t", "1"] as const],
    ],
  ])("is told an error that came %s", async (_name, body, headers) => {
    const answer = await call(service(body, headers), "application/proto", bytesOf("q"));
    expect(answer).toMatchObject({ ok: true, value: { status: 404, isCallError: true } });
    expect(JSON.parse(answer.bytes.toString())).toEqual({ code: "not_found", message: "no ☺" });
    expect(answer.ok && answer.value.headers.toRaw()).toEqual(["content-type", "application/json", "trailer-x-t", "1"]);
  });

  it.each([
    ["two messages", withTrailers([framed(bytesOf("a")), framed(bytesOf("b"))], OK), []],
    ["half a message", withTrailers([framed(bytesOf("abc")).subarray(0, 6)], OK), []],
    ["none, and OK", withTrailers([], OK), []],
    ["a coding nobody named", withTrailers([Uint8Array.of(1, 0, 0, 0, 0)], OK), []],
    ["no status", withTrailers([framed(bytesOf("a"))]), []],
    ["more than a message may have", withTrailers([new Uint8Array(5 * 1024 * 1024)], OK), []],
  ])("has no answer in %s", async (_name, body, headers) => {
    const answer = await call(service(body, headers), "application/proto", bytesOf("q"));
    expect(answer).toMatchObject({ ok: false, error: { problem: "upstream_invalid_response" } });
  });

  it("has no answer in one that breaks off, and runs out of time where that is why", async () => {
    for (const [cause, problem] of [
      ["gone", "upstream_invalid_response"],
      [{ problem: "upstream_timeout" }, "upstream_timeout"],
    ] as const) {
      const stream = new HandStream();
      const answering = call(service(stream), "application/proto", bytesOf("q"));
      await new Promise((resolve) => setImmediate(resolve));
      stream.sink?.fail(cause);
      expect(await answering).toMatchObject({ ok: false, error: { problem } });
    }
  });

  it.each([
    ["too large a message", new Uint8Array(5 * 1024 * 1024), [], "body_too_large"],
    ["two codings", bytesOf("q"), [["content-encoding", "gzip, br"] as const], "body_unsupported"],
  ])("is refused for %s, and nothing is called", async (_name, body, lines, problem) => {
    const upstream = service(undefined);
    expect(await call(upstream, "application/proto", body, ...lines)).toMatchObject({ ok: false, error: { problem } });
    expect(upstream.sent).toEqual([]);
  });

  it("is held by whoever asks, a stream is not", () => {
    const asked = grpcUpstream(service(undefined));
    const request = (type: string): UpstreamRequest =>
      requestTo("POST", "/a.B/C", undefined, ["content-type", type], ["connect-protocol-version", "1"]);
    expect(asked.holds?.(request("application/proto"))?.maxBytes).toBe(4 * 1024 * 1024);
    for (const type of ["application/connect+proto", "application/grpc", "application/grpc-web"])
      expect(asked.holds?.(request(type))).toBeUndefined();
  });

  it("passes the upstream's own failure on", async () => {
    const failing: Upstream = {
      send: async () => err({ problem: "upstream_unreachable", cause: "refused", mayBeSentElsewhere: true }),
      async [Symbol.asyncDispose]() {},
    };
    expect(await call(failing, "application/proto", bytesOf("q"))).toMatchObject({ error: { mayBeSentElsewhere: true } });
  });

  it("may not be a GET, which nobody who reviews bodies would see into", async () => {
    const upstream = service(undefined);
    const request = requestTo("GET", "/a.B/C?connect=v1&encoding=json&message=%7B%7D", undefined);
    expect(await grpcUpstream(upstream).send(request, new CancelSource())).toMatchObject({
      error: { problem: "body_unsupported" },
    });
    expect(upstream.sent).toEqual([]);
  });
});

describe("a stream of Connect to a gRPC upstream", () => {
  it("has its envelopes passed untouched, and its end in the last one", async () => {
    const frame = framed(bytesOf("answer"));
    const body = withTrailers([frame.subarray(0, 3), frame.subarray(3)], OK, ["x-sum", "3"]);
    const upstream = service(body, [
      ["x-lead", "l"],
      ["grpc-encoding", "gzip"],
    ]);
    const sent = new TrackedStream([framed(bytesOf("question"))]);
    const lines = [
      ["connect-content-encoding", "gzip"] as const,
      ["connect-accept-encoding", "gzip"] as const,
      ["connect-timeout-ms", "20"] as const,
    ];
    const answer = await call(upstream, "application/connect+json", sent, ...lines);
    expect(answer.ok && answer.value.headers.toRaw()).toEqual([
      ...["x-lead", "l", "content-type", "application/connect+json", "connect-content-encoding", "gzip"],
    ]);
    expect(answer.bytes.subarray(0, frame.byteLength)).toEqual(frame);
    expect(answer.bytes[frame.byteLength]).toBe(2);
    expect(answer.bytes.subarray(frame.byteLength + 5).toString()).toBe('{"metadata":{"x-sum":["3"]}}');
    expect(upstream.sent[0]?.body).toBe(sent);
    const headers = upstream.sent[0]?.headers;
    expect(["content-type", "grpc-encoding", "grpc-accept-encoding", "grpc-timeout"].map((name) => headers?.first(name))).toEqual(
      [...["application/grpc+json", "gzip", "gzip", "20000u"]],
    );
  });

  it.each([
    ["that came with the head", undefined, [["grpc-status", "7"] as const, ["grpc-message", "no"] as const], "permission_denied"],
    ["that nobody told", withTrailers([]), [], "internal"],
  ])("is told an end %s", async (_name, body, headers, code) => {
    const answer = await call(service(body, headers), "application/connect+proto", undefined);
    expect([answer.ok && answer.value.status, answer.bytes[0]]).toEqual([200, 2]);
    expect(JSON.parse(textOf(answer.bytes.subarray(5)))).toMatchObject({ error: { code } });
  });

  it("breaks off where the upstream does", async () => {
    const stream = new HandStream();
    const answering = call(service(stream), "application/connect+proto", undefined);
    await new Promise((resolve) => setImmediate(resolve));
    stream.sink?.fail("gone");
    expect(await answering).toMatchObject({ ok: true, ending: "failed" });
  });

  it("is refused with two codings, its body given up", async () => {
    const body = new TrackedStream(["q"]);
    const answer = await call(service(undefined), "application/connect+proto", body, ["connect-content-encoding", "gzip, br"]);
    expect(answer).toMatchObject({ ok: false, error: { problem: "body_unsupported" } });
    expect(body.state).toBe("discarded");
  });
});
