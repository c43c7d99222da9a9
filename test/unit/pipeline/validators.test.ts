import { describe, expect, it } from "vitest";
import { allow, binding, deny, fail, HeldReviewer, respond, setHeader, type BindingChoice } from "../../support/fake-binding.ts";
import { Scene, turn } from "../../support/pipeline.ts";

/** Validators in order whose verdicts are given by hand. */
function held(count: number, choice: BindingChoice = {}) {
  const reviewers = Array.from({ length: count }, () => new HeldReviewer());
  const bindings = reviewers.map(({ review }, index) =>
    binding(`v${index}`, { mode: "validate", order: [0, index], review, ...choice }),
  );
  const scene = new Scene([{ bindings }]);
  const answer = (index: number, with_: ReturnType<typeof allow>): void => reviewers[index]!.calls[0]!.answer(with_);
  const isCancelled = (index: number): boolean => reviewers[index]!.calls[0]!.call.cancel.aborted;
  return { scene, bindings, reviewers, answer, isCancelled };
}

describe("validators of one phase (C4)", () => {
  it("asks all of them before any has answered", async () => {
    const { scene, reviewers, answer } = held(3);
    const flying = scene.begin();
    await turn();
    expect(reviewers.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    for (const index of [0, 1, 2]) answer(index, allow());
    expect(await flying.reply()).toMatchObject({ status: 200 });
  });

  it("cancels those behind a deny at once and waits for those before it", async () => {
    const { scene, answer, isCancelled, bindings } = held(3);
    const flying = scene.begin();
    let isAnswered = false;
    void flying.answer.then(() => (isAnswered = true));
    await turn();
    answer(1, deny({ code: "second" }));
    await turn();
    expect([isCancelled(0), isCancelled(2)]).toEqual([false, true]);
    expect(isAnswered).toBe(false);
    answer(0, allow());
    const reply = await flying.reply();
    expect(reply).toMatchObject({
      status: 403,
      problem: { code: "second" },
      record: { ending: { kind: "denied", decidedBy: "svc/v1" } },
    });
    expect(reply.record.reviews.map(({ binding: name, ending }) => [name, ending.kind])).toEqual([
      ["svc/v0", "verdict"],
      ["svc/v1", "verdict"],
      ["svc/v2", "cancelled"],
    ]);
    expect(bindings[2]!.tally).toMatchObject({ outcomes: { cancelled: 1 }, counts: { failOpen: 0 } });
    expect(scene.upstream.requests).toEqual([]);
  });

  it("does not wait for a cancelled review that never settles", async () => {
    const { scene, answer } = held(2);
    const flying = scene.begin();
    await turn();
    answer(0, deny());
    expect(await flying.reply()).toMatchObject({ status: 403 });
  });

  it("lets the first deny in binding order win, whichever came first in time", async () => {
    const { scene, answer } = held(3);
    const flying = scene.begin();
    await turn();
    answer(2, deny({ code: "third" }));
    answer(0, deny({ code: "first" }));
    expect(await flying.reply()).toMatchObject({ problem: { code: "first" }, record: { ending: { decidedBy: "svc/v0" } } });
  });

  it("lets a deny outrank an earlier fail-closed failure", async () => {
    const { scene, answer } = held(2);
    const flying = scene.begin();
    await turn();
    answer(0, fail("unavailable"));
    answer(1, deny({ code: "second" }));
    expect(await flying.reply()).toMatchObject({ status: 403, problem: { code: "second" } });
  });

  it("takes the first fail-closed failure in order where nobody denies, and passes over those that fail open", async () => {
    const scene = new Scene([
      {
        bindings: [
          binding("open", { mode: "validate", order: [0, 0], failurePolicy: "fail-open", review: fail("timeout") }),
          binding("first", { mode: "validate", order: [0, 1], review: fail("overloaded") }),
          binding("second", { mode: "validate", order: [0, 2], review: fail("unavailable") }),
        ],
      },
    ]);
    expect(await scene.send()).toMatchObject({
      status: 503,
      problem: { code: "interceptor_overloaded" },
      record: { ending: { decidedBy: "svc/first" } },
    });
    expect(scene.upstream.requests).toEqual([]);
  });

  it("shows them what the mutators settled, and nothing of each other", async () => {
    const mutator = binding("mutator", { writes: ["/request/headers/x-set"], review: allow([setHeader("x-set", "settled")]) });
    const one = binding("one", { mode: "validate", review: allow([], { annotations: [{ name: "seen", value: "one" }] }) });
    const two = binding("two", { mode: "validate" });
    await new Scene([{ bindings: [two, one, mutator] }]).send();
    expect([one, two].map(({ asked }) => asked[0]!.subject.exchange.head.headers.first("x-set"))).toEqual(["settled", "settled"]);
    expect(one.asked[0]!.subject.exchange).toBe(two.asked[0]!.subject.exchange);
  });

  it.each([
    ["patches", allow([setHeader("x-a", "1")])],
    ["responds", respond()],
  ])("refuses a validator that %s as a breach of contract", async (_what, review) => {
    const scene = new Scene([
      { bindings: [binding("v", { mode: "validate", writes: ["/request/headers"], may: ["respond"], review })] },
    ]);
    expect(await scene.send()).toMatchObject({
      status: 502,
      record: { reviews: [{ ending: { kind: "failure", failure: { kind: "invalid", reason: "contract" } } }] },
    });
    expect(scene.upstream.requests).toEqual([]);
  });

  it("ends every review when one of them breaks inside the gateway", async () => {
    const reviewer = new HeldReviewer();
    const scene = new Scene([
      {
        bindings: [
          binding("held", { mode: "validate", order: [0, 0], review: reviewer.review }),
          binding("breaks", { mode: "validate", order: [0, 1], review: () => Promise.reject(new Error("a bug")) }),
        ],
      },
    ]);
    expect(await scene.send()).toMatchObject({ status: 500, problem: { code: "internal" } });
    expect(reviewer.calls[0]!.call.cancel.aborted).toBe(true);
  });
});
