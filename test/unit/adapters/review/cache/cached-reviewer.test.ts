import type { Verdict } from "@sallyport/contract/verdict.ts";
import { beforeEach, describe, expect, it } from "vitest";
import { cachedReviewer } from "../../../../../src/adapters/review/cache/cached-reviewer.ts";
import { Flights } from "../../../../../src/adapters/review/cache/flights.ts";
import { VerdictCache } from "../../../../../src/adapters/review/cache/verdict-cache.ts";
import { CancelSource } from "../../../../../src/model/cancel.ts";
import type { GrantedCachePlan } from "../../../../../src/model/plan.ts";
import { ANONYMOUS } from "../../../../../src/model/principal.ts";
import { err, ok, type Result } from "../../../../../src/model/result.ts";
import type { ReviewFailure } from "../../../../../src/model/review-failure.ts";
import type { ReviewCall, ReviewedVerdict, Reviewer, ReviewSubject } from "../../../../../src/ports/review-client.ts";
import { bindingPlan } from "../../../../support/binding-plan.ts";
import { exchangeOf } from "../../../../support/exchange.ts";
import { FakeClock } from "../../../../support/fake-clock.ts";

const PLAN: GrantedCachePlan = { maxTtlMs: 60_000, maxNegativeTtlMs: 5_000, maxEntries: 100, shared: false, revocable: false };
const NOTES = { annotations: [], warnings: [] };

const allow = (cache: { ttlMs: number; tags?: string[] } | undefined, rest: object = {}): Verdict => ({
  kind: "allow",
  patches: [],
  ...NOTES,
  ...(cache === undefined ? {} : { cache: { tags: [], ...cache } }),
  ...rest,
});

const deny = (ttlMs: number): Verdict => ({
  kind: "deny",
  status: 403,
  code: "no",
  message: "no",
  headers: [],
  ...NOTES,
  cache: { ttlMs, tags: [] },
  defects: [],
});

const respond: Verdict = { kind: "respond", status: 200, headers: [], body: new Uint8Array(), ...NOTES };

/** A request by its path, the one thing the view shows, and by who makes it. */
const subjectOf = (path: string, who = "", tenant = ""): ReviewSubject => ({
  exchange: { ...exchangeOf({ head: { path } }), principal: { ...ANONYMOUS, id: who, anonymous: who === "" }, tenant },
  route: { name: "main", labels: {} },
  requestBody: undefined,
  responseBody: undefined,
  outcome: undefined,
});

interface Asked {
  readonly call: ReviewCall;
  readonly answer: (answer: Verdict | ReviewFailure) => Promise<void>;
}

describe("a reviewer of kept verdicts (C34)", () => {
  let clock: FakeClock;
  let cache: VerdictCache;
  let asked: Asked[];
  let inTouch: boolean;
  let maxFollowers: number;

  beforeEach(() => {
    clock = new FakeClock();
    cache = new VerdictCache(clock);
    asked = [];
    inTouch = true;
    maxFollowers = 10;
  });

  function reviewer(plan: Partial<GrantedCachePlan> = {}, binding: Parameters<typeof bindingPlan>[0] = {}): Reviewer {
    const ask: Reviewer = (_subject, call) =>
      new Promise((resolve) => {
        call.cancel.onAbort(() => resolve(err({ kind: "unavailable", message: "cancelled" })));
        asked.push({
          call,
          answer: async (answer) => {
            resolve(answer.kind === "allow" || answer.kind === "deny" || answer.kind === "respond" ? ok(answer) : err(answer));
            await settled();
          },
        });
      });
    return cachedReviewer(
      { ...bindingPlan(binding), cache: { ...PLAN, ...plan } },
      { encodeView: ({ exchange }) => Buffer.from(exchange.head.path), ask },
      { cache, flights: new Flights(maxFollowers, clock), isInTouch: () => inTouch },
    );
  }

  const callOf = (cancel = new CancelSource(), grantMs = 500): ReviewCall => ({ reviewId: "r", grantMs, cancel });

  /** Asks, and answers where the service is asked. */
  async function once(review: Reviewer, subject: ReviewSubject, answer: Verdict | ReviewFailure): Promise<"asked" | "kept"> {
    const before = asked.length;
    const result = review(subject, callOf());
    await settled();
    const isAsked = asked.length > before;
    if (isAsked) await asked.at(-1)?.answer(answer);
    const given = await result;
    expect(given.ok && given.value.cached).toBe(isAsked || !given.ok ? (given.ok ? undefined : false) : "hit");
    return isAsked ? "asked" : "kept";
  }

  it("asks once for equal views, and again for another", async () => {
    const review = reviewer();
    expect(await once(review, subjectOf("/a"), allow({ ttlMs: 1_000 }))).toBe("asked");
    expect(await once(review, subjectOf("/a"), respond)).toBe("kept");
    expect(await once(review, subjectOf("/b"), allow({ ttlMs: 1_000 }))).toBe("asked");
  });

  it("gives principals and tenants verdicts of their own, unless they share", async () => {
    const review = reviewer();
    await once(review, subjectOf("/a", "alice", "acme"), allow({ ttlMs: 1_000 }));
    expect(await once(review, subjectOf("/a", "bob", "acme"), allow({ ttlMs: 1_000 }))).toBe("asked");
    expect(await once(review, subjectOf("/a", "alice", "other"), allow({ ttlMs: 1_000 }))).toBe("asked");
    expect(await once(review, subjectOf("/a", "alice", "acme"), respond)).toBe("kept");
    const shared = reviewer({ shared: true });
    await once(shared, subjectOf("/s", "alice"), allow({ ttlMs: 1_000 }));
    expect(await once(shared, subjectOf("/s", "bob"), respond)).toBe("kept");
  });

  it.each([
    ["digest", { digest: "d2" }],
    ["phase", { phase: "post-response" as const }],
    ["interceptor", { interceptor: "other" }],
  ])("asks again where the %s is another", async (_what, binding) => {
    await once(reviewer(), subjectOf("/a"), allow({ ttlMs: 1_000 }));
    expect(await once(reviewer({}, binding), subjectOf("/a"), allow({ ttlMs: 1_000 }))).toBe("asked");
    expect(await once(reviewer(), subjectOf("/a"), respond)).toBe("kept");
  });

  it.each([
    ["as long as the verdict says", allow({ ttlMs: 1_000 }), 1_000],
    ["no longer than the operator says", allow({ ttlMs: 999_999 }), 60_000],
    ["a denial no longer than the operator says of denials", deny(999_999), 5_000],
    ["a denial as long as it says", deny(200), 200],
    ["no longer than the verdict is valid", allow({ ttlMs: 1_000 }, { validForMs: 300 }), 300],
  ])("keeps a verdict %s", async (_what, verdict, ms) => {
    const review = reviewer();
    await once(review, subjectOf("/a"), verdict);
    clock.advance(ms - 1);
    expect(await once(review, subjectOf("/a"), respond)).toBe("kept");
    clock.advance(1);
    expect(await once(review, subjectOf("/a"), respond)).toBe("asked");
  });

  it("says how long a kept verdict is still valid", async () => {
    const review = reviewer();
    await once(review, subjectOf("/a"), allow({ ttlMs: 1_000 }, { validForMs: 5_000 }));
    clock.advance(400);
    expect(await review(subjectOf("/a"), callOf())).toMatchObject({ ok: true, value: { cached: "hit", validForMs: 4_600 } });
  });

  it.each([
    ["a failure", { kind: "timeout", message: "late" } as const],
    ["an answer in the upstream's place", respond],
    ["a verdict that does not say so", allow(undefined)],
    ["a verdict for no time", allow({ ttlMs: 0 })],
  ])("keeps nothing of %s", async (_what, answer) => {
    const review = reviewer();
    await once(review, subjectOf("/a"), answer);
    expect(await once(review, subjectOf("/a"), answer)).toBe("asked");
    expect(cache.size).toBe(0);
  });

  it("does not use, keep or share anything without the stream of revokes, where the service revokes", async () => {
    const review = reviewer({ revocable: true });
    await once(review, subjectOf("/a"), allow({ ttlMs: 1_000 }));
    inTouch = false;
    expect(await once(review, subjectOf("/a"), allow({ ttlMs: 1_000 }))).toBe("asked");
    const two = [review(subjectOf("/b"), callOf()), review(subjectOf("/b"), callOf())];
    expect(asked).toHaveLength(4);
    for (const each of asked.slice(2)) await each.answer(allow({ ttlMs: 1_000 }));
    expect(await Promise.all(two)).toMatchObject([{ ok: true }, { ok: true }]);
    expect(cache.size).toBe(1);
  });

  it("asks as if there were no cache where the view cannot be made", async () => {
    const broken = { ...subjectOf("/a") };
    Object.defineProperty(broken, "exchange", {
      get: () => {
        throw new Error("a bug");
      },
    });
    void reviewer()(broken, callOf());
    expect(asked).toHaveLength(1);
  });

  describe("with equal questions at once", () => {
    const results = (all: readonly Promise<Result<ReviewedVerdict, ReviewFailure>>[]) =>
      Promise.all(all).then((list) => list.map((each) => (each.ok ? (each.value.cached ?? "own") : each.error.kind)));

    it("asks once and tells all", async () => {
      const review = reviewer();
      const all = [1, 2, 3].map(() => review(subjectOf("/a"), callOf()));
      expect(asked).toHaveLength(1);
      await asked[0]?.answer(allow({ ttlMs: 1_000 }));
      expect(await results(all)).toEqual(["own", "shared", "shared"]);
      expect(clock.pending).toBe(0);
    });

    it.each([
      ["fails", { kind: "overloaded", message: "busy" } as const, "overloaded"],
      ["is for one caller only", allow(undefined), "own"],
      ["is a whole answer", respond, "own"],
    ])("lets each ask for itself where the first answer %s, in what is left of its grant", async (_what, first, outcome) => {
      const review = reviewer();
      const all = [1, 2, 3].map(() => review(subjectOf("/a"), callOf()));
      clock.advance(100);
      await asked[0]?.answer(first);
      expect(asked.map(({ call }) => call.grantMs)).toEqual([500, 400, 400]);
      for (const each of asked.slice(1)) await each.answer(allow({ ttlMs: 1_000 }));
      expect(await results(all)).toEqual([outcome, "own", "own"]);
    });

    it("lets the others ask for themselves where the first caller leaves", async () => {
      const review = reviewer();
      const cancel = new CancelSource();
      const all = [review(subjectOf("/a"), callOf(cancel)), review(subjectOf("/a"), callOf())];
      cancel.abort();
      await settled();
      expect(asked).toHaveLength(2);
      await asked[1]?.answer(allow({ ttlMs: 1_000 }));
      expect(await results(all)).toEqual(["unavailable", "own"]);
    });

    it("leaves the others alone where one that waits leaves, or has no time left", async () => {
      const review = reviewer();
      const cancel = new CancelSource();
      const all = [callOf(), callOf(cancel), callOf(undefined, 50), callOf()].map((call) => review(subjectOf("/a"), call));
      cancel.abort();
      clock.advance(50);
      await settled();
      await asked[0]?.answer(allow({ ttlMs: 1_000 }));
      expect(await results(all)).toEqual(["own", "unavailable", "timeout", "shared"]);
      expect(asked).toHaveLength(1);
    });

    it("does not ask with less than 10 ms left", async () => {
      const review = reviewer();
      const all = [review(subjectOf("/a"), callOf()), review(subjectOf("/a"), callOf())];
      clock.advance(495);
      await asked[0]?.answer({ kind: "invalid", message: "nonsense" });
      expect(await results(all)).toEqual(["invalid", "timeout"]);
    });

    it("does not wait again where answers are for one caller only", async () => {
      const review = reviewer();
      await once(review, subjectOf("/a"), allow(undefined));
      const all = [1, 2].map(() => review(subjectOf("/a"), callOf()));
      expect(asked).toHaveLength(3);
      for (const each of asked.slice(1)) await each.answer(allow({ ttlMs: 1_000 }));
      expect(await results(all)).toEqual(["own", "own"]);
    });

    it("lets no more wait than are allowed to", async () => {
      maxFollowers = 1;
      const review = reviewer();
      const all = [1, 2, 3].map(() => review(subjectOf("/a"), callOf()));
      expect(asked).toHaveLength(2);
      for (const each of asked) await each.answer(allow({ ttlMs: 1_000 }));
      expect((await results(all)).toSorted()).toEqual(["own", "own", "shared"]);
    });

    it("lets nobody join a question that is older than a revoke, nor share its verdict where that was revoked", async () => {
      const review = reviewer();
      const all = [review(subjectOf("/a"), callOf()), review(subjectOf("/a"), callOf())];
      cache.revoke(["plan"]);
      all.push(review(subjectOf("/a"), callOf()));
      expect(asked).toHaveLength(2);
      await asked[0]?.answer(allow({ ttlMs: 1_000, tags: ["plan"] }));
      expect(asked).toHaveLength(3);
      expect(cache.size).toBe(0);
      await asked[1]?.answer(allow({ ttlMs: 1_000, tags: ["plan"] }));
      await asked[2]?.answer(allow({ ttlMs: 1_000, tags: ["plan"] }));
      expect(await results(all)).toEqual(["own", "own", "own"]);
      expect(await once(review, subjectOf("/a"), respond)).toBe("kept");
    });
  });
});

/** Everything that was promised and can be had by now. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
