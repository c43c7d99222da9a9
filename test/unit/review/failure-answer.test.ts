import { describe, expect, it } from "vitest";
import { PHASES, type Phase } from "../../../src/model/phase.ts";
import { PROBLEMS } from "../../../src/model/problem.ts";
import { renderProblem } from "../../../src/model/problem-body.ts";
import { REVIEW_FAILURE_KINDS, type ReviewFailure } from "../../../src/model/review-failure.ts";
import { failureAnswer, unreviewableAnswer, type Unreviewable } from "../../../src/review/failure-answer.ts";

const phases = Object.keys(PHASES) as Phase[]; // keys of a const table are exactly its row names

/** An answer as a client meets it. */
interface Met {
  readonly status: number;
  readonly code: string;
  readonly retryable: boolean;
  readonly retryAfter: string | undefined;
}

function met(refusal: Parameters<typeof renderProblem>[0]): Met {
  const { status, headers, body } = renderProblem(refusal, { requestId: "r1" });
  const { code, retryable } = JSON.parse(new TextDecoder().decode(body as Uint8Array)) as { code: string; retryable: boolean };
  return { status, code, retryable, retryAfter: headers.first("retry-after") };
}

const BEFORE: Readonly<Record<ReviewFailure["kind"], Met>> = {
  unavailable: { status: 503, code: "interceptor_unavailable", retryable: true, retryAfter: "1" },
  timeout: { status: 504, code: "interceptor_timeout", retryable: true, retryAfter: undefined },
  invalid: { status: 502, code: "interceptor_invalid_verdict", retryable: false, retryAfter: undefined },
  overloaded: { status: 503, code: "interceptor_overloaded", retryable: true, retryAfter: "1" },
};

const rows = REVIEW_FAILURE_KINDS.flatMap((kind) => phases.map((phase) => ({ kind, phase })));

describe("failureAnswer", () => {
  it.each(rows)("answers $kind at $phase as the table says (C15, C17)", ({ kind, phase }) => {
    const answer = met(failureAnswer({ kind, message: "quota/b1 said nothing" }, phase));
    const late = { ...BEFORE[kind], status: 502, retryable: false, retryAfter: undefined };
    expect(answer).toEqual(phase === "post-response" ? late : BEFORE[kind]);
  });

  it.each(rows)("keeps what happened at $kind and $phase for the log, and out of the answer", ({ kind, phase }) => {
    const refusal = failureAnswer({ kind, message: "quota/b1 at 10.0.0.7:7443 said nothing" }, phase);
    expect(refusal.cause).toBe("quota/b1 at 10.0.0.7:7443 said nothing");
    const { body } = renderProblem(refusal, { requestId: "r1" });
    expect(new TextDecoder().decode(body as Uint8Array)).not.toMatch(/quota|10\.0\.0\.7/);
  });

  it("answers a reason as it answers its kind", () => {
    const reasons = ["undecodable", "too_large", "too_many_patches", "patch_rejected", "contract"] as const;
    const answers = reasons.map((reason) => failureAnswer({ kind: "invalid", reason, message: "m" }, "pre-route"));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });
});

describe("unreviewableAnswer", () => {
  const REQUEST: Readonly<Record<Unreviewable["kind"], readonly [status: number, code: string]>> = {
    "too-large": [413, "body_too_large"],
    malformed: [400, "body_malformed"],
    unsupported: [415, "body_unsupported"],
    stream: [415, "body_unsupported"],
    partial: [415, "body_unsupported"],
  };
  const kinds = Object.keys(REQUEST) as Unreviewable["kind"][]; // keys of the table above

  it.each(kinds)("blames the client for a request body that is %s (C18)", (kind) => {
    const [status, code] = REQUEST[kind];
    for (const phase of ["pre-auth", "pre-route"] as const) {
      const refusal = unreviewableAnswer({ kind, message: "it is larger than 100 bytes" }, phase);
      expect(met(refusal)).toEqual({ status, code, retryable: false, retryAfter: undefined });
      expect(refusal.detail).toBe("The request body cannot be reviewed: it is larger than 100 bytes.");
    }
  });

  it.each(kinds)("answers 502 for a response that is %s, says nothing of it, and invites no repeat (C18)", (kind) => {
    const refusal = unreviewableAnswer({ kind, message: "it is an event stream" }, "post-response");
    expect(met(refusal)).toEqual({ status: 502, code: "response_unreviewable", retryable: false, retryAfter: undefined });
    expect(refusal.detail).toBe("The upstream's response cannot be reviewed.");
    expect(refusal.cause).toBe("it is an event stream");
  });

  it("uses no problem that is not in the table", () => {
    for (const kind of kinds) expect(PROBLEMS).toHaveProperty(REQUEST[kind][1]);
  });
});
