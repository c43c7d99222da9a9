import { describe, expect, it } from "vitest";
import { readApi, type Api } from "../../../../../src/adapters/upstream/grpc/transcode/api.ts";
import { framed } from "../../../../../src/adapters/upstream/grpc/transcode/message-frames.ts";
import { transcodingUpstream } from "../../../../../src/adapters/upstream/grpc/transcode/transcoding-upstream.ts";
import type { Body } from "../../../../../src/model/byte-stream.ts";
import { CancelSource } from "../../../../../src/model/cancel.ts";
import type { ErrorFormat } from "../../../../../src/model/error-format.ts";
import { HeaderLines } from "../../../../../src/model/header-lines.ts";
import { ok } from "../../../../../src/model/result.ts";
import { FEED_DESCRIPTORS, feedBytes } from "../../../../support/feed-api.ts";
import { transcodingTerms } from "../../../../support/transcoding.ts";
import { requestTo, textBody } from "../../../../support/upstream.ts";

const API: Api = (() => {
  const api = readApi(Buffer.from(FEED_DESCRIPTORS).toString("base64"), { services: ["feed.v1.Feed"], rules: [], sse: [] });
  if (!api.ok) throw new Error(api.error[0]?.message);
  return api.value;
})();

const ONE = framed(feedBytes("Update", { sequence: "1" }));

const ended = (chunk: Uint8Array, ...lines: readonly (readonly [string, string])[]): Body => ({
  declaredBytes: undefined,
  pipe(sink) {
    sink.write(chunk);
    sink.end(HeaderLines.of(...lines));
    return { resume: () => {}, cancel: () => {} };
  },
  discard() {},
});

async function lines(
  body: Body,
  {
    format = "problem",
    path = "/feed.v1.Feed/Follow",
    head = [],
  }: { format?: ErrorFormat; path?: string; head?: readonly (readonly [string, string])[] } = {},
) {
  const upstream = {
    send: () =>
      Promise.resolve(ok({ status: 200, headers: HeaderLines.of(["content-type", "application/grpc"], ...head), body })),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const terms = transcodingTerms({ errorFormat: format });
  const answer = await transcodingUpstream(upstream, API, terms).send(
    requestTo("POST", path, undefined, ["x-request-id", "r1"]),
    new CancelSource(),
  );
  return answer.ok ? { status: answer.value.status, text: await textBody(answer.value.body) } : answer.error.problem;
}

describe("a stream of messages as lines", () => {
  const failed = (format: ErrorFormat) =>
    lines(ended(ONE, ["grpc-status", "13"], ["grpc-message", "disk 7 is full"]), { format });

  it.each([
    ["problem", '{"error":{"type":"urn:sallyport:problem:upstream_error"', '"request_id":"r1"}}\n'],
    ["openai", '{"error":{"message":"The upstream could not answer this request."', "}\n"],
    ["simple", '{"error":{"code":"upstream_error"', "}}\n"],
  ] as const)("ends with an error as the route shows it, and not in the service's words: %s", async (format, begin, end) => {
    const answer = await failed(format);
    const last = typeof answer === "string" ? "" : answer.text.split("\n").at(-2);
    expect(`${last}\n`.startsWith(begin) && `${last}\n`.endsWith(end)).toBe(true);
    expect(last).not.toContain("disk 7");
    expect(() => void JSON.parse(last ?? "")).not.toThrow();
  });

  it("ends with the client's fault in the service's words", async () => {
    expect(await lines(ended(ONE, ["grpc-status", "5"], ["grpc-message", "no"]))).toEqual({
      status: 200,
      text: '{"sequence":"1"}\n{"error":{"code":5,"message":"no"}}\n',
    });
  });

  it("may be empty, whether the service sends a head of its own or not", async () => {
    const empty = { status: 200, text: "" };
    expect(await lines(ended(new Uint8Array(), ["grpc-status", "0"]))).toEqual(empty);
    expect(await lines(undefined, { head: [["grpc-status", "0"]] })).toEqual(empty);
  });

  it("is invalid without a status, as one message is without the message", async () => {
    expect(await lines(undefined)).toBe("upstream_invalid_response");
    expect(await lines(undefined, { path: "/feed.v1.Feed/Count", head: [["grpc-status", "0"]] })).toBe(
      "upstream_invalid_response",
    );
  });
});
