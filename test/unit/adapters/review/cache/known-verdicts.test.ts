import { beforeEach, describe, expect, it } from "vitest";
import { KnownVerdicts } from "../../../../../src/adapters/review/cache/known-verdicts.ts";
import { PacedLog } from "../../../../../src/adapters/review/watch/paced-log.ts";
import { CancelSource } from "../../../../../src/model/cancel.ts";
import { HeaderLines } from "../../../../../src/model/header-lines.ts";
import type { BindingPlan } from "../../../../../src/model/plan.ts";
import { ok } from "../../../../../src/model/result.ts";
import type { ReviewSubject } from "../../../../../src/ports/review-client.ts";
import { bindingPlan } from "../../../../support/binding-plan.ts";
import { exchangeOf } from "../../../../support/exchange.ts";
import { FakeClock } from "../../../../support/fake-clock.ts";
import { MemoryLog } from "../../../../support/memory-log.ts";

const NOTHING_HIDDEN = { headers: new Set<string>(), query: new Set<string>() };

const CACHED = bindingPlan({
  needs: ["/request/path", "/request/headers/x-plan", "/request/headers/authorization"],
  cache: { maxTtlMs: 60_000, maxNegativeTtlMs: 5_000, maxEntries: 10, shared: false, revocable: false },
});

const subjectOf = (head: NonNullable<Parameters<typeof exchangeOf>[0]>["head"] = {}): ReviewSubject => ({
  exchange: exchangeOf({ head }),
  route: { name: "main", labels: {} },
  requestBody: undefined,
  responseBody: undefined,
  outcome: undefined,
});

describe("what is known of an interceptor's verdicts (C34)", () => {
  let known: KnownVerdicts;
  let log: MemoryLog;
  let sent: Buffer[];

  beforeEach(() => {
    const clock = new FakeClock();
    log = new MemoryLog();
    sent = [];
    known = new KnownVerdicts({
      clock,
      log: new PacedLog(log, clock, { interceptor: "tenancy" }),
      isInTouch: () => true,
      maxFollowers: 10,
    });
  });

  /** Asks one question after the other; how many times the service was. */
  async function asked(binding: BindingPlan, ...subjects: readonly ReviewSubject[]): Promise<number> {
    const before = sent.length;
    const review = known.reviewer(binding, NOTHING_HIDDEN, (encode) => async (subject, { reviewId }) => {
      sent.push(encode(subject, { reviewId, attempt: 1 }));
      return ok({ kind: "allow", patches: [], annotations: [], warnings: [], cache: { ttlMs: 1_000, tags: ["plan"] } });
    });
    for (const subject of subjects) await review(subject, { reviewId: "r", grantMs: 500, cancel: new CancelSource() });
    return sent.length - before;
  }

  it("is what the view sent decides: what a binding is not shown makes no other question", async () => {
    expect(await asked(CACHED, subjectOf(), subjectOf({ method: "POST", query: "a=1" }))).toBe(1);
    expect(await asked(CACHED, subjectOf({ path: "/other" }), subjectOf())).toBe(1);
  });

  it("tells a header that is absent from one that is empty", async () => {
    const empty = subjectOf({ headers: HeaderLines.of(["x-plan", ""]) });
    expect(await asked(CACHED, subjectOf(), empty, subjectOf(), empty)).toBe(2);
  });

  it.each<[string, Partial<BindingPlan>]>([
    ["that was not granted it", { cache: undefined }],
    ["that is shown a secret, whatever the plan says", { expose: ["/request/headers/authorization"] }],
    ["that only observes, whatever the plan says", { mode: "observe" }],
    ["that is a shadow, whatever the plan says", { enforcement: "shadow" }],
    ["that was not described", { described: false }],
  ])("is nothing for a binding %s", async (_what, parts) => {
    expect(await asked({ ...CACHED, ...parts }, subjectOf(), subjectOf())).toBe(2);
    expect(known.size).toBe(0);
  });

  it("is forgotten before anybody is told of a revoke", async () => {
    await asked(CACHED, subjectOf());
    const told: unknown[] = [];
    const forget = known.onRevoked((tags) => told.push([tags, known.size]));
    expect(known.revoke(["plan", "other"])).toBe(1);
    expect(told).toEqual([[["plan", "other"], 0]]);
    expect(log.lines).toEqual([
      { level: "info", event: "verdicts_revoked", fields: { interceptor: "tenancy", tags: 2, forgotten: 1 } },
    ]);
    forget();
    known.revoke(["plan"]);
    known.onRevoked((tags) => told.push(tags));
    known.close();
    known.revoke(["plan"]);
    expect(told).toHaveLength(1);
  });
});
