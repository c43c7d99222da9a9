import { describe, expect, it } from "vitest";
import type { ExchangeEnding, ExchangeRecord, ReviewRecord } from "../../../src/model/exchange-record.ts";
import { decidedBy, hasOwnLine, logLevelOf, toLogFields, toReviewFields } from "../../../src/model/log-fields.ts";

const review = (ending: ReviewRecord["ending"]): ReviewRecord => ({
  binding: "tenancy/assign",
  phase: "pre-route",
  mode: "mutate",
  durationMs: 1.23456,
  ending,
});

const allow = review({ kind: "verdict", verdict: "allow", patches: 2, annotations: [], warnings: [], defects: [] });
const failure = review({
  kind: "failure",
  failure: { kind: "timeout", reason: "budget_exhausted", message: "no time left" },
  policy: "fail-open",
});

const record = (changes: Partial<ExchangeRecord> = {}): ExchangeRecord => ({
  ids: { requestId: "q1", correlationId: "c1", traceId: "t1", traceparent: "00-t1-s1-00" },
  revision: "r1",
  listener: "public",
  clientAddress: "192.0.2.1",
  method: "GET",
  host: "api.example",
  path: "/v1/orders",
  route: "orders",
  upstream: "orders",
  principalId: "ana",
  tenant: "acme",
  labels: new Map([["tier", "gold"]]),
  ending: { kind: "forwarded", status: 200 },
  complete: true,
  requestBytes: 0,
  responseBytes: 12,
  latency: { reviewMs: 1.23456, upstreamMs: 4, totalMs: 6.5 },
  reviews: [allow],
  ...changes,
});

/** As it is written: without absent fields. */
const written = (changes?: Partial<ExchangeRecord>) => JSON.parse(JSON.stringify(toLogFields(record(changes))));

describe("the line of an exchange", () => {
  it("says who, what, where, how it ended, and where the time went", () => {
    expect(written()).toEqual({
      request_id: "q1",
      correlation_id: "c1",
      trace_id: "t1",
      revision: "r1",
      listener: "public",
      client_address: "192.0.2.1",
      method: "GET",
      host: "api.example",
      path: "/v1/orders",
      route: "orders",
      upstream: "orders",
      principal_id: "ana",
      tenant: "acme",
      labels: { tier: "gold" },
      status: 200,
      outcome: "forwarded",
      decided_by: "upstream",
      complete: true,
      request_bytes: 0,
      response_bytes: 12,
      review_ms: 1.235,
      upstream_ms: 4,
      total_ms: 6.5,
      reviews: [{ binding: "tenancy/assign", phase: "pre-route", mode: "mutate", ms: 1.235, verdict: "allow", patches: 2 }],
    });
  });

  it("names the binding that denied, and the code", () => {
    const ending: ExchangeEnding = { kind: "denied", status: 403, decidedBy: "tenancy/assign", code: "tenant_mismatch" };
    expect(written({ ending })).toMatchObject({
      outcome: "denied",
      decided_by: "tenancy/assign",
      code: "tenant_mismatch",
      status: 403,
    });
  });

  it("leaves out what is empty", () => {
    const line = written({
      route: "",
      upstream: "",
      principalId: "",
      tenant: "",
      labels: new Map(),
      reviews: [],
      ending: { kind: "cancelled", status: 499 },
    });
    for (const absent of ["route", "upstream", "principal_id", "tenant", "labels", "reviews", "code", "cause"])
      expect(line).not.toHaveProperty(absent);
    expect(line.decided_by).toBe("client");
  });

  it("keeps a label and an annotation named __proto__ as what they are", () => {
    const noted = review({
      kind: "verdict",
      verdict: "allow",
      patches: 0,
      annotations: [{ name: "__proto__", value: "x" }],
      warnings: ["w"],
      defects: ["d"],
    });
    const text = JSON.stringify(toLogFields(record({ labels: new Map([["__proto__", "y"]]), reviews: [noted] })));
    expect(text).toContain('"labels":{"__proto__":"y"}');
    expect(text).toContain('"annotations":{"__proto__":"x"},"warnings":["w"],"defects":["d"]');
  });

  it("shows a stack only where the gateway is at fault, an unknown object never, and cuts a long text", () => {
    const failed = (source: "gateway" | "upstream", cause: unknown): string =>
      String(
        written({ ending: { kind: "failed", status: 502, decidedBy: "upstream", code: "upstream_unreachable", source, cause } })[
          "cause"
        ],
      );
    expect(failed("upstream", new Error("refused"))).toBe("refused");
    expect(failed("gateway", new Error("bug"))).toContain("log-fields.test.ts");
    expect(failed("upstream", { authorization: "Bearer hunter2" })).toBe("undefined");
    expect(failed("upstream", "x".repeat(5000)).length).toBe(1025);
  });
});

describe("a review in the log", () => {
  it("shows a failure with its policy, finer reason and message", () => {
    expect(toReviewFields(failure)).toMatchObject({
      failure: "timeout",
      reason: "budget_exhausted",
      failure_policy: "fail-open",
      message: "no time left",
    });
  });

  it("shows what could not be shown, and what was no longer wanted", () => {
    expect(toReviewFields(review({ kind: "unreviewable", reason: "body of 2 MiB", skipped: true }))).toMatchObject({
      unreviewable: "skipped",
      reason: "body of 2 MiB",
    });
    expect(toReviewFields(review({ kind: "unreviewable", reason: "stream", skipped: false }))).toMatchObject({
      unreviewable: "refused",
    });
    expect(toReviewFields(review({ kind: "cancelled" }))).toMatchObject({ cancelled: true });
  });

  it.each([
    ["none", [false, false]],
    ["failures", [false, true]],
    ["all", [true, true]],
  ] as const)("has a line of its own under log.reviews %s where it should", (setting, expected) => {
    expect([allow, failure].map((each) => hasOwnLine(each, setting))).toEqual(expected);
  });
});

describe("the level of a line", () => {
  it("follows whose fault it was", () => {
    const failed = (source: "client" | "interceptor" | "upstream" | "gateway"): ExchangeEnding => ({
      kind: "failed",
      status: 500,
      decidedBy: "x",
      code: "x",
      source,
    });
    expect(logLevelOf({ kind: "forwarded", status: 500 })).toBe("info");
    expect(logLevelOf({ kind: "denied", status: 403, decidedBy: "a/b", code: "c" })).toBe("info");
    expect((["client", "interceptor", "upstream", "gateway"] as const).map((source) => logLevelOf(failed(source)))).toEqual([
      "info",
      "warn",
      "warn",
      "error",
    ]);
  });

  it("goes with the name of who decided", () => {
    expect(decidedBy({ kind: "responded", status: 200, decidedBy: "a/b" })).toBe("a/b");
  });
});

describe("a verdict that was not asked for", () => {
  it("says so, and any other says nothing of it", () => {
    const kept = review({
      kind: "verdict",
      verdict: "allow",
      cached: true,
      patches: 0,
      annotations: [],
      warnings: [],
      defects: [],
    });
    expect(toReviewFields(kept)["cached"]).toBe(true);
    expect(toReviewFields(allow)["cached"]).toBeUndefined();
  });
});
