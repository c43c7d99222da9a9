import { describe, expect, it } from "vitest";
import { AsideQueue, type AsideLimits } from "../../../src/app/aside-queue.ts";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { ok } from "../../../src/model/result.ts";
import type { ReviewFailure } from "../../../src/model/review-failure.ts";
import type { Observation } from "../../../src/ports/observers.ts";
import type { BodyView } from "../../../src/ports/review-client.ts";
import { exchangeOf } from "../../support/exchange.ts";
import { allow, binding, fail, HeldReviewer, type BindingChoice } from "../../support/fake-binding.ts";
import { turn } from "../../support/pipeline.ts";

function queueOf(limits: Partial<AsideLimits> = {}) {
  const dropped = { body: 0, item: 0 };
  const done: (ReviewFailure["kind"] | "delivered")[] = [];
  const queue = new AsideQueue(
    {
      nowMs: () => 0,
      dropped: (_observation, part) => ({ add: () => void (dropped[part] += 1) }),
      done: (_observation, answer) => void done.push(answer.ok ? "delivered" : answer.error.kind),
    },
    { maxItems: 3, maxBytes: 100_000, concurrency: 1, ...limits },
  );
  let released = 0;
  const observation = (choice: BindingChoice = {}, requestBody?: BodyView, headers = HeaderLines.EMPTY): Observation => ({
    binding: binding("o", { mode: "observe", ...choice }),
    reviewId: "r",
    subject: {
      exchange: exchangeOf({ head: { headers } }),
      route: { name: "main", labels: {} },
      requestBody,
      responseBody: undefined,
      outcome: undefined,
    },
    release: () => void (released += 1),
  });
  return { queue, dropped, done, observation, released: () => released };
}

const never = new Promise<void>(() => {});

describe("AsideQueue (C29)", () => {
  it("delivers with the binding's own timeout, a few at a time, in order", async () => {
    const { queue, done, observation, released } = queueOf({ concurrency: 2 });
    const reviewer = new HeldReviewer();
    for (let i = 0; i < 4; i += 1) queue.enqueue(observation({ review: reviewer.review, limits: { timeoutMs: 700 } }));
    expect(reviewer.calls.map(({ call }) => call.grantMs)).toEqual([700, 700]);
    reviewer.calls[0]!.answer(allow());
    await turn();
    expect(reviewer.calls).toHaveLength(3);
    for (const { answer } of reviewer.calls) answer(allow());
    await turn();
    reviewer.calls[3]!.answer(fail("unavailable"));
    await turn();
    expect(done).toEqual(["delivered", "delivered", "delivered", "unavailable"]);
    expect(released()).toBe(4);
  });

  it("drops and counts what is more than it may hold, and releases it", () => {
    const { queue, dropped, observation, released } = queueOf({ maxItems: 2 });
    const held = { review: new HeldReviewer().review };
    for (let i = 0; i < 5; i += 1) queue.enqueue(observation(held));
    expect(dropped).toEqual({ body: 0, item: 2 });
    expect(released()).toBe(2);
  });

  it("drops bodies before whole items when it holds too many bytes", () => {
    const { queue, dropped, observation } = queueOf({ maxBytes: 60_000 });
    const reviewer = new HeldReviewer();
    const body: BodyView = { format: "bytes", bytes: new Uint8Array(40_000) };
    queue.enqueue(observation({ review: reviewer.review }, body));
    queue.enqueue(observation({ review: reviewer.review }, body));
    expect(dropped).toEqual({ body: 1, item: 0 });
    expect(reviewer.calls[0]!.subject.requestBody).toBe(body);
  });

  it("delivers what lost its bodies without them", async () => {
    const { queue, observation } = queueOf({ maxBytes: 10_000 });
    const reviewer = new HeldReviewer();
    queue.enqueue(observation({ review: reviewer.review }, { format: "text", text: "x".repeat(6_000) }));
    expect(reviewer.calls[0]!.subject.requestBody).toBeUndefined();
  });

  it("tells the observer that bodies were left out, and only then", () => {
    const { queue, observation } = queueOf({ maxBytes: 10_000, concurrency: 2 });
    const reviewer = new HeldReviewer();
    const outcome = { status: 200, decidedBy: "upstream", failure: "", durationMs: 1, bytes: 0, open: false };
    for (const text of ["small", "x".repeat(6_000)]) {
      const whole = observation({ review: reviewer.review }, { format: "text", text });
      queue.enqueue({ ...whole, subject: { ...whole.subject, outcome } });
    }
    expect(reviewer.calls.map(({ subject }) => subject.outcome)).toEqual([outcome, { ...outcome, bodiesOmitted: true }]);
  });

  it("counts heads as well: long headers fill it", () => {
    const { queue, dropped, observation } = queueOf({ maxItems: 100, maxBytes: 100_000 });
    const held = { review: new HeldReviewer().review };
    const headers = HeaderLines.of(["x-long", "x".repeat(20_000)]);
    for (let i = 0; i < 5; i += 1) queue.enqueue(observation(held, undefined, headers));
    expect(dropped).toEqual({ body: 0, item: 3 });
  });

  it("has room again when something was delivered", async () => {
    const { queue, dropped, observation } = queueOf({ maxBytes: 30_000 });
    const reviewer = new HeldReviewer();
    const body: BodyView = { format: "bytes", bytes: new Uint8Array(20_000) };
    queue.enqueue(observation({ review: reviewer.review }, body));
    reviewer.calls[0]!.answer(allow());
    await turn();
    queue.enqueue(observation({ review: reviewer.review }, body));
    expect(dropped).toEqual({ body: 0, item: 0 });
  });

  it("goes on when a review breaks inside the gateway", async () => {
    const { queue, done, observation, released } = queueOf();
    queue.enqueue(observation({ review: () => Promise.reject(new Error("a bug")) }));
    queue.enqueue(observation({ review: ok({ kind: "allow", patches: [], annotations: [], warnings: [] }) }));
    await turn();
    expect(done).toEqual(["invalid", "delivered"]);
    expect(released()).toBe(2);
  });

  it("drains: waits for everything queued", async () => {
    const { queue, done, observation } = queueOf();
    const reviewer = new HeldReviewer();
    for (let i = 0; i < 2; i += 1) queue.enqueue(observation({ review: reviewer.review }));
    const drained = queue.drain(never);
    reviewer.calls[0]!.answer(allow());
    await turn();
    reviewer.calls[1]!.answer(allow());
    await drained;
    expect(done).toEqual(["delivered", "delivered"]);
  });

  it("gives up at the deadline: cancels what is under way, drops and counts the rest and what comes later", async () => {
    const { queue, dropped, observation, released } = queueOf();
    const reviewer = new HeldReviewer();
    for (let i = 0; i < 3; i += 1) queue.enqueue(observation({ review: reviewer.review }));
    await queue.drain(Promise.resolve());
    expect(reviewer.calls[0]!.call.cancel.aborted).toBe(true);
    queue.enqueue(observation());
    expect(dropped).toEqual({ body: 0, item: 3 });
    expect(released()).toBe(3);
    reviewer.calls[0]!.answer(fail("unavailable"));
    await turn();
    expect(released()).toBe(4);
  });

  it("has nothing to wait for when it is empty", async () => {
    await queueOf().queue.drain(never);
  });
});
