import { describe, expect, it } from "vitest";
import { ANONYMOUS } from "../../../src/model/principal.ts";
import { BudgetLedger } from "../../../src/pipeline/budget-ledger.ts";
import type { Authenticator } from "../../../src/ports/authenticator.ts";
import { allow, binding, blackHole, deny, fail, type BindingChoice } from "../../support/fake-binding.ts";
import { Scene } from "../../support/pipeline.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";

describe("the review budget (C20)", () => {
  it("lets four black-holed fail-open bindings spend one second together, and keeps the slice of the fail-closed one behind them", async () => {
    const last = binding("last", { order: [0, 9], limits: { timeoutMs: 400 } });
    const holes: ReturnType<typeof binding>[] = [];
    const scene = new Scene(({ clock }) => {
      holes.push(
        ...[0, 1, 2, 3].map((index) =>
          binding(`hole-${index}`, {
            order: [0, index],
            failurePolicy: "fail-open",
            limits: { timeoutMs: 30_000 },
            review: blackHole(clock),
          }),
        ),
      );
      return [{ reviewBudgetMs: 1000, bindings: [...holes, last] }];
    });
    const reply = await scene.send();
    expect(reply.status).toBe(200);
    expect(reply.record.reviews.slice(0, 4).map(({ ending }) => ending)).toMatchObject(
      Array.from({ length: 4 }, () => ({
        kind: "failure",
        failure: { kind: "timeout", reason: "budget_exhausted" },
        policy: "fail-open",
      })),
    );
    expect(holes.map(({ asked }) => asked.map(({ call }) => call.grantMs))).toEqual([[600], [], [], []]);
    expect(holes.map(({ tally }) => tally.counts.failOpen)).toEqual([1, 1, 1, 1]);
    expect(last.asked[0]!.call.grantMs).toBe(400);
    expect(reply.record.latency.reviewMs).toBe(600);
  });

  it("follows the worked example of RFC.md §6.3", async () => {
    const asked: Record<string, number> = {};
    const scene = new Scene(({ clock }) => {
      const answering = (id: string, afterMs: number, choice: BindingChoice) =>
        binding(id, {
          ...choice,
          review: (_subject, { grantMs }) => {
            asked[id] = Math.round(grantMs);
            if (afterMs > grantMs)
              return blackHole(clock)(_subject, { grantMs, reviewId: "", cancel: { aborted: false, onAbort: () => () => {} } });
            return new Promise((resolve) => clock.after(afterMs, () => resolve(allow())));
          },
        });
      const never = 100_000;
      return [
        {
          reviewBudgetMs: 1000,
          bindings: [
            answering("intake", 20, { phase: "pre-auth", limits: { timeoutMs: 250 } }),
            answering("enrich", never, { order: [0, 1], failurePolicy: "fail-open", limits: { timeoutMs: 600 } }),
            answering("tenancy", 300, { order: [0, 2], limits: { timeoutMs: 500 } }),
            answering("naming", 50, { mode: "validate", order: [0, 1], limits: { timeoutMs: 300 } }),
            answering("hints", never, {
              mode: "validate",
              order: [0, 2],
              failurePolicy: "fail-open",
              limits: { timeoutMs: 900 },
            }),
            answering("redact", 30, { phase: "post-response", limits: { timeoutMs: 200 } }),
          ],
        },
      ];
    });
    const reply = await scene.send();
    expect(reply.status).toBe(200);
    expect(asked).toEqual({ intake: 200, enrich: 180, tenancy: 400, naming: 300, hints: 340, redact: 160 });
    expect(reply.record.latency.reviewMs).toBeCloseTo(870, 0);
  });

  it("gives the reserve of a position that another principal selects to those before it, once the caller is known", async () => {
    const caller: Authenticator = {
      name: "known",
      authenticate: () => ({ kind: "principal", principal: { ...ANONYMOUS, id: "bob", anonymous: false } }),
    };
    const first = binding("first", { limits: { timeoutMs: 600 }, failurePolicy: "fail-open" });
    const forAlice = binding("for-alice", {
      phase: "post-response",
      limits: { timeoutMs: 900 },
      selector: { routes: [], principals: ["alice"], manifest: {} },
    });
    const early = binding("early", { phase: "pre-auth", failurePolicy: "fail-open", limits: { timeoutMs: 600 } });
    await new Scene([{ reviewBudgetMs: 1000, authenticators: [caller], bindings: [early, first, forAlice] }]).send();
    expect(early.asked[0]!.call.grantMs).toBe(100);
    expect(first.asked[0]!.call.grantMs).toBe(600);
    expect(forAlice.asked).toEqual([]);
  });

  it("does not count the client's body, authenticators or the upstream", async () => {
    const after = binding("after", { phase: "post-response", limits: { timeoutMs: 500 } });
    const reads = binding("reads", { needs: ["/request/body"], body: "text", limits: { timeoutMs: 500 } });
    const scene = new Scene(({ clock }) => [
      {
        reviewBudgetMs: 1000,
        bindings: [reads, after],
        authenticators: [{ name: "slow", authenticate: () => (clock.advance(5000), { kind: "absent" }) }],
        authenticate: ["slow", "anonymous"],
      },
    ]);
    scene.upstream.answer = () => (scene.clock.advance(5000), scene.upstream.respond());
    const body = new TrackedStream(["slow"], { chunked: true });
    const pipe = body.pipe.bind(body);
    body.pipe = (sink) => (scene.clock.advance(5000), pipe(sink));
    const reply = await scene.send({ method: "POST", body });
    expect([reads, after].map(({ asked }) => asked[0]!.call.grantMs)).toEqual([500, 500]);
    expect(reply.record.latency).toMatchObject({ reviewMs: 0, upstreamMs: 5000, totalMs: 15_000 });
  });

  it("fails a fail-closed binding that is left under 10 ms without calling it", async () => {
    const starved = binding("starved", { order: [0, 2] });
    const scene = new Scene(({ clock }) => [
      {
        reviewBudgetMs: 1000,
        bindings: [
          binding("slow", {
            order: [0, 1],
            limits: { timeoutMs: 500 },
            review: () => (clock.advance(995), Promise.resolve(allow())),
          }),
          starved,
        ],
      },
    ]);
    expect(await scene.send()).toMatchObject({
      status: 504,
      problem: { code: "interceptor_timeout" },
      record: { reviews: [{}, { ending: { failure: { kind: "timeout", reason: "budget_exhausted" } } }] },
    });
    expect(starved.asked).toEqual([]);
    expect(scene.upstream.requests).toEqual([]);
  });

  it("calls a timeout of a whole grant by its own name", async () => {
    const scene = new Scene(({ clock }) => [
      { reviewBudgetMs: 2000, bindings: [binding("hole", { limits: { timeoutMs: 500 }, review: blackHole(clock) })] },
    ]);
    const { record } = await scene.send();
    expect(record.reviews[0]!.ending).toMatchObject({ failure: { kind: "timeout" } });
    expect(record.reviews[0]!.ending).not.toHaveProperty("failure.reason");
    expect(record.reviews[0]!.durationMs).toBe(500);
  });

  it("keeps the name of a failure that is no timeout, however short the grant was (C21)", async () => {
    const scene = new Scene([
      {
        reviewBudgetMs: 100,
        bindings: [binding("queued", { limits: { timeoutMs: 500 }, review: fail("overloaded", "queue_expired") })],
      },
    ]);
    expect((await scene.send()).record.reviews[0]!.ending).toMatchObject({
      failure: { kind: "overloaded", reason: "queue_expired" },
    });
  });

  it("measures a phase's validators as one wait", async () => {
    const scene = new Scene(({ clock }) => [
      {
        bindings: [100, 300, 200].map((ms, index) =>
          binding(`v${index}`, {
            mode: "validate",
            review: () => new Promise((resolve) => clock.after(ms, () => resolve(allow()))),
          }),
        ),
      },
    ]);
    expect((await scene.send()).record.latency.reviewMs).toBe(300);
  });

  it("books what a denial waited as well", async () => {
    const scene = new Scene(({ clock }) => [
      { bindings: [binding("b", { review: () => (clock.advance(40), Promise.resolve(deny())) })] },
    ]);
    expect((await scene.send()).record.latency).toMatchObject({ reviewMs: 40, upstreamMs: 0 });
  });
});

describe("BudgetLedger", () => {
  it("reserves nothing for positions that have begun or can no longer run", () => {
    const ledger = new BudgetLedger();
    const [first, second, third] = [1, 2, 3].map((index) =>
      binding(`b${index}`, { order: [0, index], limits: { timeoutMs: 300 } }),
    ) as [ReturnType<typeof binding>, ReturnType<typeof binding>, ReturnType<typeof binding>];
    ledger.plan([first, second, third], 1000, () => false);
    ledger.begin([first]);
    expect(ledger.grantFor(first)).toBe(300);
    ledger.spend(500);
    expect(ledger.grantFor(first)).toBe(-100);
    ledger.ruleOut((each) => each === second);
    expect(ledger.grantFor(first)).toBe(200);
    ledger.begin([third]);
    expect(ledger.grantFor(third)).toBe(300);
  });

  it("keeps what was spent and drops what has run when the request moves", () => {
    const ledger = new BudgetLedger();
    const ran = binding("ran", { limits: { timeoutMs: 400 } });
    const ahead = binding("ahead", { limits: { timeoutMs: 400 } });
    ledger.plan([ran], 1000, () => false);
    ledger.begin([ran]);
    ledger.spend(250);
    ledger.plan([ran, ahead], 1000, (each) => each === ran);
    expect(ledger.grantFor(ran)).toBe(350);
    expect(ledger.spentMs).toBe(250);
  });
});
