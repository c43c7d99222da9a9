import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromGrpcWeb, toGrpcWeb, webForm } from "../../../../../src/adapters/upstream/grpc/grpc-web.ts";
import { isStream } from "../../../../../src/model/byte-stream.ts";
import { HeaderLines } from "../../../../../src/model/header-lines.ts";
import { bytesStream, collect } from "../../../../../src/support/byte-streams.ts";
import { HandStream, RecordingSink } from "../../../../support/byte-flow.ts";
import { requestTo } from "../../../../support/upstream.ts";

const TEXT = { isText: true, codec: "+proto" };
const BINARY = { isText: false, codec: "+proto" };

const answer = (body: HandStream) =>
  toGrpcWeb({ status: 200, headers: HeaderLines.of(["content-type", "application/grpc"]), body }, BINARY);

describe("gRPC-Web on its way to gRPC", () => {
  it.each([
    ["application/grpc-web", { isText: false, codec: "" }],
    ["application/grpc-web+proto", BINARY],
    ["application/grpc-web-text+proto; x=y", TEXT],
    ["application/grpc-web-text", { isText: true, codec: "" }],
  ])("is told by %s", (type, form) => {
    expect(webForm(type)).toEqual(form);
  });

  it("keeps its codec, and loses what is the web's", () => {
    const request = requestTo(
      "POST",
      "/",
      undefined,
      ["content-type", "application/grpc-web+json"],
      ["x-grpc-web", "1"],
      ["accept", "x"],
    );
    const { headers } = fromGrpcWeb(request, webForm("application/grpc-web+json"));
    expect(headers.toRaw()).toEqual(["host", "api.test", "content-type", "application/grpc+json"]);
  });

  it("is the same bytes, however its text is cut and padded", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { maxLength: 5 }),
        fc.array(fc.nat(7)),
        async (frames, cuts) => {
          const text = frames.map((frame) => Buffer.from(frame).toString("base64")).join("");
          const pieces: Uint8Array[] = [];
          let at = 0;
          for (const cut of cuts) {
            pieces.push(Buffer.from(text.slice(at, at + cut)));
            at += cut;
          }
          pieces.push(Buffer.from(text.slice(at)));
          const { body } = fromGrpcWeb(requestTo("POST", "/", bytesStream(pieces)), TEXT);
          const collected = isStream(body) ? await collect(body, { maxBytes: 1_000 }) : undefined;
          expect(collected).toEqual({ kind: "complete", bytes: expect.anything() });
          expect(collected?.kind === "complete" && Buffer.from(collected.bytes).equals(Buffer.concat(frames))).toBe(true);
        },
      ),
    );
  });

  it.each(["a b=", "====", "AAA", "AA=A", "\u00e9AAA"])("breaks off where its text is none: %j", async (text) => {
    const { body } = fromGrpcWeb(requestTo("POST", "/", bytesStream([Buffer.from(text, "latin1")])), TEXT);
    const collected = isStream(body) ? await collect(body, { maxBytes: 1_000 }) : undefined;
    expect(collected?.kind).toBe("broken");
  });
});

describe("gRPC on its way to gRPC-Web", () => {
  it("has its trailers as the last frame, and none behind the body", async () => {
    const body = new HandStream();
    const sink = new RecordingSink();
    const { body: web, headers } = answer(body);
    if (isStream(web)) web.pipe(sink);
    body.write("message");
    body.sink?.end(HeaderLines.of(["grpc-status", "5"], ["grpc-message", "no"]));
    expect(await sink.over).toEqual({ kind: "ended" });
    const trailers = "grpc-status: 5\r\ngrpc-message: no\r\n";
    expect(sink.text).toBe(`message\u0080\0\0\0${String.fromCharCode(trailers.length)}${trailers}`.replace("\u0080", "\ufffd"));
    expect(sink.trailers).toBeUndefined();
    expect(headers.first("content-type")).toBe("application/grpc-web+proto");
  });

  it("says INTERNAL where the upstream ended without a status", async () => {
    const body = new HandStream();
    const sink = new RecordingSink();
    const { body: web } = answer(body);
    if (isStream(web)) web.pipe(sink);
    body.sink?.end();
    expect(sink.text).toContain("grpc-status: 13\r\n");
  });

  it("is text in padded pieces that each say all there is", async () => {
    const body = new HandStream();
    const sink = new RecordingSink();
    const response = { status: 200, headers: HeaderLines.of(["content-type", "application/grpc"]), body };
    const { body: web } = toGrpcWeb(response, TEXT);
    if (isStream(web)) web.pipe(sink);
    body.write("a");
    expect(Buffer.from(sink.text, "base64").toString()).toBe("a");
    body.sink?.fail("gone");
    expect(await sink.over).toEqual({ kind: "failed", cause: "gone" });
  });
});
