import { describe, expect, it } from "vitest";
import { isStream } from "../../../src/model/byte-stream.ts";
import type { Response } from "../../../src/model/exchange.ts";
import { renderProblem } from "../../../src/model/problem-body.ts";
import { PROBLEMS, type ProblemCode } from "../../../src/model/problem.ts";
import { textOf } from "../../support/byte-flow.ts";

const OCCASION = { requestId: "r-1", correlationId: "c-1", instancePath: "/v1/orders" };
// Object.keys gives the keys of the literal table
const CODES = Object.keys(PROBLEMS) as ProblemCode[];

const bodyText = ({ body }: Response): string => (body === undefined || isStream(body) ? "" : textOf(body));

describe("a problem", () => {
  it.each(CODES)("of %s tells its row, the occasion, and nothing of the cause", (problem) => {
    const response = renderProblem({ problem, detail: "What to do.", cause: new Error("postgres://secret") }, OCCASION);
    const row = PROBLEMS[problem];
    expect(response.status).toBe(row.status);
    expect(JSON.parse(bodyText(response))).toEqual({
      type: `urn:sallyport:problem:${problem}`,
      title: row.title,
      status: row.status,
      detail: "What to do.",
      instance: "/v1/orders",
      code: problem,
      retryable: row.retryable,
      request_id: "r-1",
    });
    expect(response.headers.first("content-type")).toBe("application/problem+json");
    expect(response.headers.first("x-request-id")).toBe("r-1");
    expect(response.headers.first("cache-control")).toBe("no-store");
    expect(response.headers.has("retry-after")).toBe(row.status === 503);
    expect(response.headers.first("www-authenticate")).toBe(row.status === 401 ? "Bearer" : undefined);
  });

  it("carries what a denial says in place of the row, its body spliced in as written", () => {
    const refusal = {
      problem: "review_denied",
      detail: "Quota spent.",
      status: 429,
      code: "quota_spent",
      retryable: true,
      headers: [["retry-after", "30"]],
      bodyJson: '{"n":12345678901234567890,"x":1.0}',
    } as const;
    const response = renderProblem(refusal, OCCASION);
    expect(response.status).toBe(429);
    expect(response.headers.lines("retry-after")).toEqual(["30"]);
    const text = bodyText(response);
    expect(text).toContain('"body":{"n":12345678901234567890,"x":1.0}}');
    expect(JSON.parse(text)).toMatchObject({
      code: "quota_spent",
      status: 429,
      retryable: true,
      type: "urn:sallyport:problem:review_denied",
    });
  });

  it("never invites a repeat at post-response: 502, not retryable, no retry-after", () => {
    const response = renderProblem({ problem: "interceptor_unavailable", detail: "x", status: 502, retryable: false }, OCCASION);
    expect(response.headers.has("retry-after")).toBe(false);
    expect(JSON.parse(bodyText(response))).toMatchObject({ status: 502, retryable: false, code: "interceptor_unavailable" });
  });

  it("keeps the refusal's own retry-after and www-authenticate", () => {
    const waiting = renderProblem({ problem: "upstream_overloaded", detail: "x", headers: [["retry-after", "7"]] }, OCCASION);
    expect(waiting.headers.lines("retry-after")).toEqual(["7"]);
    const basic = renderProblem(
      { problem: "credential_missing", detail: "x", headers: [["www-authenticate", "Basic"]] },
      OCCASION,
    );
    expect(basic.headers.lines("www-authenticate")).toEqual(["Basic"]);
  });

  it("without a path names the request, escaped", () => {
    const response = renderProblem({ problem: "bad_request", detail: "x" }, { requestId: 'a"b/c' });
    expect(JSON.parse(bodyText(response))).toMatchObject({ instance: "urn:sallyport:request:a%22b%2Fc" });
  });
});
