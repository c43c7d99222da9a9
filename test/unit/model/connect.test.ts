import { describe, expect, it } from "vitest";
import { connectCall, connectError, endOfStream, parseConnectTimeout } from "../../../src/model/connect.ts";
import { renderConnectProblem } from "../../../src/model/connect-problem.ts";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { textOf } from "../../support/byte-flow.ts";

describe("a request of Connect (C26)", () => {
  const of = (method: string, type: string | undefined, version?: string) =>
    connectCall({
      method,
      headers: HeaderLines.of(
        ...(type === undefined ? [] : [["content-type", type] as const]),
        ...(version === undefined ? [] : [["connect-protocol-version", version] as const]),
      ),
    });

  it.each([
    ["POST", "application/proto", "1", { kind: "unary", codec: "proto" }],
    ["POST", "application/json; charset=utf-8", "1", { kind: "unary", codec: "json" }],
    ["POST", "application/json", undefined, undefined],
    ["POST", "application/json", "2", undefined],
    ["POST", "text/plain", "1", undefined],
    ["POST", undefined, "1", undefined],
    ["POST", "application/connect+proto", undefined, { kind: "stream", codec: "proto" }],
    ["POST", "Application/Connect+JSON", undefined, { kind: "stream", codec: "json" }],
    ["POST", "application/connect+", "1", undefined],
    ["PUT", "application/connect+proto", "1", undefined],
    ["GET", undefined, "1", undefined],
  ] as const)("is told by %s, %s and version %s", (method, type, version, call) => {
    expect(of(method, type, version)).toEqual(call);
  });

  it.each([
    ["0", 0],
    ["1500", 1500],
    ["9999999999", 9_999_999_999],
    ["10000000000", undefined],
    ["1.5", undefined],
    ["-1", undefined],
    ["", undefined],
  ])("has the time %j", (text, ms) => {
    expect(parseConnectTimeout(text)).toBe(ms);
  });
});

describe("an error of Connect", () => {
  it("has a name for its code, and details only where there are some", () => {
    expect(connectError({ code: 5, message: "no" })).toEqual({ code: "not_found", message: "no" });
    expect(connectError({ code: 99, message: "", details: [{ type: "a.B", value: "AQ" }] })).toEqual({
      code: "unknown",
      message: "",
      details: [{ type: "a.B", value: "AQ" }],
    });
  });

  it("ends a stream in an envelope of its own", () => {
    const envelope = endOfStream({ code: 16, message: "who?" }, new Map([["x-a", ["1", "2"]]]));
    expect([...envelope.subarray(0, 5)]).toEqual([2, 0, 0, 0, envelope.byteLength - 5]);
    expect(JSON.parse(textOf(envelope.subarray(5)))).toEqual({
      error: { code: "unauthenticated", message: "who?" },
      metadata: { "x-a": ["1", "2"] },
    });
    expect(textOf(endOfStream(undefined).subarray(5))).toBe("{}");
    expect(textOf(endOfStream({ code: 0, message: "" }).subarray(5))).toBe("{}");
  });

  it("is what a refusal becomes, with the headers of any problem (C16)", () => {
    const refusal = { problem: "review_denied", detail: "No.", status: 429, headers: [["retry-after", "3"]] } as const;
    const unary = renderConnectProblem(refusal, { kind: "unary", codec: "proto" }, { requestId: "r1" });
    expect([unary.status, textOf(unary.body as Uint8Array)]).toEqual([429, '{"code":"resource_exhausted","message":"No."}']); // a problem's body is bytes
    expect(unary.headers.first("retry-after")).toBe("3");
    expect(unary.headers.first("x-request-id")).toBe("r1");
    const stream = renderConnectProblem(refusal, { kind: "stream", codec: "json" }, { requestId: "r1" });
    expect([stream.status, stream.headers.first("content-type")]).toEqual([200, "application/connect+json"]);
    expect(stream.headers.first("retry-after")).toBe("3");
    expect(textOf(stream.body as Uint8Array).slice(5)).toBe('{"error":{"code":"resource_exhausted","message":"No."}}'); // as above
  });
});
