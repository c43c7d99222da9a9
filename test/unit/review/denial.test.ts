import type { DenyVerdict, RespondVerdict } from "@sallyport/contract/verdict.ts";
import { describe, expect, it } from "vitest";
import type { BindingPlan } from "../../../src/model/plan.ts";
import { renderProblem } from "../../../src/model/problem-body.ts";
import { denialAnswer, respondAnswer } from "../../../src/review/denial.ts";
import { bindingPlan } from "../../support/binding-plan.ts";
import { bytes } from "../../support/patching.ts";

const denyVerdict = (parts: Partial<DenyVerdict> = {}): DenyVerdict => ({
  kind: "deny",
  status: 403,
  code: "not_a_member",
  message: "You are not a member of this tenant.",
  headers: [],
  annotations: [],
  warnings: [],
  defects: [],
  ...parts,
});

const respondVerdict = (parts: Partial<RespondVerdict> = {}): RespondVerdict => ({
  kind: "respond",
  status: 200,
  headers: [{ name: "content-type", value: "text/plain" }],
  body: bytes("hello"),
  annotations: [],
  warnings: [],
  ...parts,
});

describe("denialAnswer (C9)", () => {
  it("carries the verdict's status, code, sentence, headers and body in the gateway's envelope", () => {
    const verdict = denyVerdict({
      status: 429,
      code: "quota_spent",
      message: "No calls left today.",
      headers: [
        { name: "retry-after", value: "60" },
        { name: "ratelimit-remaining", value: "0" },
      ],
      body: new Map([["used", 12]]),
    });
    const response = renderProblem(denialAnswer(verdict, "pre-route"), { requestId: "r1" });
    expect(response.status).toBe(429);
    expect(response.headers.first("retry-after")).toBe("60");
    expect(response.headers.first("ratelimit-remaining")).toBe("0");
    expect(response.headers.first("content-type")).toBe("application/problem+json");
    expect(JSON.parse(new TextDecoder().decode(response.body as Uint8Array))).toEqual({
      type: "urn:sallyport:problem:review_denied",
      title: "Denied by interceptor",
      status: 429,
      detail: "No calls left today.",
      instance: "urn:sallyport:request:r1",
      code: "quota_spent",
      retryable: true,
      request_id: "r1",
      body: { used: 12 },
    });
  });

  it("never says who decided", () => {
    expect(JSON.stringify(denialAnswer(denyVerdict(), "pre-auth"))).not.toMatch(/tenancy|assign|decided/);
  });

  it.each([
    ["pre-auth", 429, true],
    ["pre-route", 503, true],
    ["pre-route", 403, false],
    ["pre-route", 500, false],
    ["post-response", 429, false],
    ["post-response", 503, false],
  ] as const)("at %s with %i says retryable: %s", (phase, status, retryable) => {
    expect(denialAnswer(denyVerdict({ status }), phase).retryable).toBe(retryable);
  });
});

describe("respondAnswer (C12)", () => {
  const may = ["respond"] as const;

  it.each(["pre-auth", "pre-route"] as const)("answers in place of the upstream at %s, with the power", (phase) => {
    const answer = respondAnswer(
      bindingPlan({ may, phase }),
      respondVerdict({ status: 302, headers: [{ name: "location", value: "/login" }] }),
    );
    expect(answer.ok && [answer.value.status, answer.value.headers.toRaw(), answer.value.body]).toEqual([
      302,
      ["location", "/login"],
      bytes("hello"),
    ]);
  });

  it.each<readonly [string, BindingPlan, RespondVerdict]>([
    ["without the power", bindingPlan(), respondVerdict()],
    ["with another power", bindingPlan({ may: ["reroute", "set-cookies"] }), respondVerdict()],
    ["at post-response", bindingPlan({ may, phase: "post-response" }), respondVerdict()],
    ["with a body that 204 cannot have", bindingPlan({ may }), respondVerdict({ status: 204 })],
    ["with a body that 304 cannot have", bindingPlan({ may }), respondVerdict({ status: 304 })],
    ...[
      ...["content-length", "transfer-encoding", "connection", "upgrade", "trailer"],
      ...["access-control-allow-origin", "sallyport-warning", "x-request-id", "via", "set-cookie"],
    ].map(
      (name) => [`with the header ${name}`, bindingPlan({ may }), respondVerdict({ headers: [{ name, value: "1" }] })] as const,
    ),
  ])("is a breach of contract %s", (_what, plan, verdict) => {
    expect(respondAnswer(plan, verdict)).toMatchObject({ ok: false, error: { kind: "invalid", reason: "contract" } });
  });

  it("sets cookies with the power set-cookies, each a line of its own", () => {
    const cookies = ["a=1", "b=2"].map((value) => ({ name: "set-cookie", value }));
    const answer = respondAnswer(bindingPlan({ may: ["respond", "set-cookies"] }), respondVerdict({ headers: cookies }));
    expect(answer.ok && answer.value.headers.lines("set-cookie")).toEqual(["a=1", "b=2"]);
  });

  it("answers 204 without a body", () => {
    expect(respondAnswer(bindingPlan({ may }), respondVerdict({ status: 204, headers: [], body: bytes("") })).ok).toBe(true);
  });
});
