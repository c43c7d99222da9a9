import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeGrpcMessage, formatGrpcTimeout, grpcKind, parseGrpcTimeout } from "../../../src/model/grpc.ts";
import { grpcStatusOf, renderGrpcProblem } from "../../../src/model/grpc-problem.ts";
import { PROBLEMS, type ProblemCode } from "../../../src/model/problem.ts";
import { isHeaderValue } from "../../../src/model/header-text.ts";

describe("what a request speaks (C26)", () => {
  it.each([
    ["POST", "application/grpc", "grpc"],
    ["POST", "application/grpc+proto", "grpc"],
    ["POST", "application/grpc; charset=utf-8", "grpc"],
    ["POST", "Application/GRPC+json", "grpc"],
    ["POST", "application/grpc-web", "grpc-web"],
    ["POST", "application/grpc-web+proto", "grpc-web"],
    ["POST", "application/grpc-web-text+proto", "grpc-web"],
    ["POST", "application/grpcx", undefined],
    ["POST", "application/grpc-other", undefined],
    ["POST", "application/json", undefined],
    ["GET", "application/grpc", undefined],
    ["POST", undefined, undefined],
  ])("of %s with %s is %s", (method, contentType, kind) => {
    expect(grpcKind(method, contentType)).toBe(kind);
  });
});

describe("a time of gRPC", () => {
  it.each([
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["3S", 3_000],
    ["250m", 250],
    ["500u", 0.5],
    ["1000000n", 1],
    ["0m", 0],
  ])("%s is %d ms", (text, ms) => {
    expect(parseGrpcTimeout(text)).toBeCloseTo(ms);
  });

  it.each(["", "1", "m", "-1m", "1.5S", "123456789m", "1 m", "1x"])("%j is none", (text) => {
    expect(parseGrpcTimeout(text)).toBeUndefined();
  });

  it("is never longer when it is written again, and hardly shorter", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), (ms) => {
        const again = parseGrpcTimeout(formatGrpcTimeout(ms)) ?? Number.NaN;
        expect(again).toBeLessThanOrEqual(ms);
        expect(again).toBeGreaterThanOrEqual(ms * 0.9 - 3_600_000 * (ms > 1e11 ? 1 : 0) - 1);
      }),
    );
  });
});

describe("a status message", () => {
  it("can always stand in a field, and is read as what it was", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (message) => {
        const encoded = encodeGrpcMessage(message);
        expect(isHeaderValue(encoded)).toBe(true);
        expect(decodeURIComponent(encoded)).toBe(message);
      }),
    );
  });
});

describe("a problem told in gRPC (C16)", () => {
  // the codes of gRPC, by row: what C16 says, and what it leaves open
  const STATUS: Record<ProblemCode, number> = {
    bad_request: 3,
    body_malformed: 3,
    credential_missing: 16,
    credential_invalid: 16,
    forbidden: 7,
    review_denied: 7,
    route_not_found: 12,
    method_not_allowed: 12,
    request_timeout: 4,
    body_too_large: 8,
    uri_too_long: 3,
    body_unsupported: 3,
    expectation_failed: 3,
    misdirected_request: 9,
    headers_too_large: 8,
    client_closed: 1,
    internal: 13,
    interceptor_invalid_verdict: 13,
    response_unreviewable: 13,
    upstream_error: 13,
    upgrade_unsupported: 12,
    upstream_unreachable: 14,
    upstream_invalid_response: 13,
    gateway_overloaded: 14,
    interceptor_unavailable: 14,
    interceptor_overloaded: 14,
    upstream_overloaded: 14,
    interceptor_timeout: 4,
    upstream_timeout: 4,
  };

  it.each(Object.keys(PROBLEMS) as ProblemCode[])("has a status for %s", (problem) => {
    expect(grpcStatusOf({ problem, detail: "" })).toBe(STATUS[problem]);
  });

  it.each([
    [404, 5],
    [409, 10],
    [402, 9],
    [429, 8],
    [451, 9],
    [501, 12],
    [507, 13],
  ])("has one for a denial with status %i", (status, code) => {
    expect(grpcStatusOf({ problem: "review_denied", detail: "", status })).toBe(code);
  });

  it("says what the verdict says, and invites no repeat behind the upstream (C17)", () => {
    expect(grpcStatusOf({ problem: "review_denied", detail: "", status: 403, grpcStatus: 10 })).toBe(10);
    expect(grpcStatusOf({ problem: "interceptor_unavailable", detail: "", status: 502, retryable: false })).toBe(13);
  });

  it("is a head without a body, with the refusal's own headers", () => {
    const refusal = { problem: "review_denied", detail: "Nö.", headers: [["retry-after", "3"]] } as const;
    const { status, headers, body } = renderGrpcProblem(refusal, "grpc", { requestId: "r", correlationId: "c" });
    expect([status, body, headers.toRaw()]).toEqual([
      200,
      undefined,
      [
        ...["content-type", "application/grpc", "grpc-status", "7", "grpc-message", "N%C3%B6."],
        ...["x-request-id", "r", "x-correlation-id", "c", "retry-after", "3"],
      ],
    ]);
  });
});
