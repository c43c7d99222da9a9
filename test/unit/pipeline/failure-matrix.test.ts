import { describe, expect, it } from "vitest";
import type { Phase } from "../../../src/model/phase.ts";
import type { InvalidReason, ReviewFailure } from "../../../src/model/review-failure.ts";
import { allow, binding, fail, setHeader, type Answer, type FakeBinding } from "../../support/fake-binding.ts";
import { Scene, type Reply } from "../../support/pipeline.ts";

interface Case {
  readonly failure: string;
  readonly answer: Answer;
  readonly kind: ReviewFailure["kind"];
  readonly reason: ReviewFailure["reason"];
  /** Answer before the upstream acted (RFC.md §5.3). */
  readonly status: number;
  readonly code: string;
  readonly retryable: boolean;
  readonly saysWhen: boolean;
}

const failed = (
  kind: ReviewFailure["kind"],
  reason: ReviewFailure["reason"],
  row: Pick<Case, "status" | "code" | "retryable" | "saysWhen">,
): Case => ({
  failure: reason === undefined ? kind : `${kind} (${reason})`,
  answer: reason === "patch_rejected" ? allow([setHeader("content-length", "1")]) : fail(kind, reason),
  kind,
  reason,
  ...row,
});

const INVALID = { status: 502, code: "interceptor_invalid_verdict", retryable: false, saysWhen: false } as const;
const UNAVAILABLE = { status: 503, code: "interceptor_unavailable", retryable: true, saysWhen: true } as const;
const OVERLOADED = { status: 503, code: "interceptor_overloaded", retryable: true, saysWhen: true } as const;

const FAILURES: readonly Case[] = [
  failed("unavailable", undefined, UNAVAILABLE),
  failed("unavailable", "not_described", UNAVAILABLE),
  failed("unavailable", "breaker_open", UNAVAILABLE),
  failed("unavailable", "not_serving", UNAVAILABLE),
  failed("timeout", undefined, { status: 504, code: "interceptor_timeout", retryable: true, saysWhen: false }),
  failed("overloaded", "queue_full", OVERLOADED),
  failed("overloaded", "queue_expired", OVERLOADED),
  ...(["undecodable", "too_large", "too_many_patches", "patch_rejected", "contract"] satisfies InvalidReason[]).map((reason) =>
    failed("invalid", reason, INVALID),
  ),
];

const PHASES: readonly Phase[] = ["pre-auth", "pre-route", "post-response"];
const MODES = ["mutate", "validate"] as const;

const CASES = FAILURES.flatMap((failure) => PHASES.flatMap((phase) => MODES.map((mode) => ({ ...failure, phase, mode }))));

const REQUEST = { method: "POST", target: "/orders?a=1", headers: { "x-custom": "kept" }, body: '{"n":1}' } as const;

interface Ran {
  readonly scene: Scene;
  readonly reply: Reply;
  readonly failing: FakeBinding;
}

async function run({ answer, phase, mode }: (typeof CASES)[number], failurePolicy: "fail-closed" | "fail-open"): Promise<Ran> {
  const failing = binding("failing", { phase, mode, failurePolicy, writes: ["/request/headers"], review: answer });
  const scene = new Scene([{ bindings: [failing] }]);
  scene.upstream.answer = () =>
    scene.upstream.respond({ status: 207, headers: [["x-leak", "leak-in-header"]], body: ["leak-in-body"] });
  const reply = await scene.send(REQUEST);
  return { scene, reply, failing };
}

// a validator may not patch at all, which is another breach
function booked({ kind, reason, mode }: (typeof CASES)[number]): Partial<ReviewFailure> {
  if (reason === undefined) return { kind };
  return { kind, reason: reason === "patch_rejected" && mode === "validate" ? "contract" : reason };
}

describe("a review failure under fail-closed (C15, C17)", () => {
  it.each(CASES.filter(({ phase }) => phase !== "post-response"))(
    "$failure of a $mode binding at $phase answers $status $code, and the upstream is not reached",
    async (each) => {
      const { scene, reply, failing } = await run(each, "fail-closed");
      expect(scene.upstream.requests).toEqual([]);
      expect(reply).toMatchObject({
        status: each.status,
        problem: { code: each.code, status: each.status, retryable: each.retryable },
      });
      expect(reply.headers["retry-after"]).toBe(each.saysWhen ? "1" : undefined);
      expect(reply.text).not.toMatch(/svc|failing|secret-internal-text/);
      expect(reply.record).toMatchObject({
        ending: { kind: "failed", status: each.status, decidedBy: "svc/failing", code: each.code, source: "interceptor" },
        upstream: "",
        reviews: [
          {
            binding: "svc/failing",
            phase: each.phase,
            mode: each.mode,
            ending: { kind: "failure", failure: booked(each), policy: "fail-closed" },
          },
        ],
      });
      expect(failing.tally).toMatchObject({ outcomes: { [each.kind]: 1 }, counts: { failOpen: 0 } });
      expect(failing.tally.durations).toHaveLength(1);
    },
  );

  it.each(CASES.filter(({ phase }) => phase === "post-response"))(
    "$failure of a $mode binding at post-response answers 502 $code, and nothing of the response leaves",
    async (each) => {
      const { scene, reply, failing } = await run(each, "fail-closed");
      expect(scene.upstream.requests).toHaveLength(1);
      expect(reply).toMatchObject({ status: 502, problem: { code: each.code, status: 502, retryable: false } });
      expect(reply.headers).not.toHaveProperty("retry-after");
      expect(`${JSON.stringify(reply.headers)}${reply.text}`).not.toMatch(/leak|207|svc|secret-internal-text/);
      expect(scene.upstream.bodies.map(({ state }) => state)).toEqual(["discarded"]);
      expect(reply.record).toMatchObject({
        ending: { kind: "failed", status: 502, decidedBy: "svc/failing", code: each.code },
        upstream: "origin",
      });
      expect(failing.tally).toMatchObject({ outcomes: { [each.kind]: 1 }, counts: { failOpen: 0 } });
    },
  );
});

describe("a review failure under fail-open (C19)", () => {
  it.each(CASES)("$failure of a $mode binding at $phase lets pass exactly what passes without it", async (each) => {
    const { scene, reply, failing } = await run(each, "fail-open");
    const without = new Scene([{}]);
    without.upstream.answer = () =>
      without.upstream.respond({ status: 207, headers: [["x-leak", "leak-in-header"]], body: ["leak-in-body"] });
    const expected = await without.send(REQUEST);
    const { cancel: _one, ...sent } = scene.upstream.requests[0]!;
    const { cancel: _other, ...sentWithout } = without.upstream.requests[0]!;
    expect(sent).toEqual(sentWithout);
    expect([reply.status, reply.headers, reply.text]).toEqual([expected.status, expected.headers, expected.text]);
    expect(reply.record).toMatchObject({
      ending: { kind: "forwarded", status: 207 },
      reviews: [{ binding: "svc/failing", ending: { kind: "failure", failure: booked(each), policy: "fail-open" } }],
    });
    expect(failing.tally).toMatchObject({ outcomes: { [each.kind]: 1 }, counts: { failOpen: 1 } });
  });

  it("drops the candidate, labels, annotations and warnings of the one that failed, and keeps what others said", async () => {
    const notes = (name: string) => ({ annotations: [{ name, value: name }], warnings: [`a warning of ${name}`] });
    const mutator = (id: string, order: number, review: Answer) =>
      binding(id, {
        order: [0, order],
        failurePolicy: "fail-open",
        writes: ["/request/headers", "/labels", "/request/body"],
        needs: ["/request"],
        body: "json",
        review,
      });
    const first = mutator(
      "first",
      1,
      allow([setHeader("x-first", "1"), { op: "add", path: "/labels/first", value: "yes" }], notes("first")),
    );
    const failing = mutator(
      "failing",
      2,
      allow(
        [
          setHeader("x-failing", "1"),
          { op: "add", path: "/labels/failing", value: "yes" },
          { op: "replace", path: "/request/body/n", value: 2 },
          setHeader("host", "elsewhere"),
        ],
        notes("failing"),
      ),
    );
    const last = mutator("last", 3, allow([], notes("last")));
    const scene = new Scene([{ bindings: [first, failing, last], warnings: true }]);
    const reply = await scene.send({ ...REQUEST, headers: { "content-type": "application/json" } });
    const seen = last.asked[0]!.subject;
    expect(seen.exchange.head.headers.has("x-first")).toBe(true);
    expect(seen.exchange.head.headers.has("x-failing")).toBe(false);
    expect([...seen.exchange.labels]).toEqual([["first", "yes"]]);
    expect(seen.requestBody).toMatchObject({ text: '{"n":1}' });
    expect(scene.upstream.requests[0]).toMatchObject({ body: '{"n":1}' });
    expect(reply.headers["sallyport-warning"]).toBe("a warning of first, a warning of last");
    expect([...reply.record.labels]).toEqual([["first", "yes"]]);
    expect(JSON.stringify(reply.record)).not.toContain("a warning of failing");
  });
});
