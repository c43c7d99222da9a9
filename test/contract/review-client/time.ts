import { constants } from "node:http2";
import { expect, it } from "vitest";
import { CancelSource } from "../../../src/model/cancel.ts";
import { bindingPlan } from "../../support/binding-plan.ts";
import { Events } from "../../support/events.ts";
import { allowing, describing, testInterceptor } from "../../support/test-interceptor.ts";
import { allowAll, callOf, HIDDEN, review, SUBJECT, type Connect } from "./client-under-test.ts";

/** Grants of time, limits, cancelling, sending again. */
export function keepsTime(connect: Connect): void {
  it.each([
    ["a service that hangs", { kind: "hang" }],
    ["a verdict that drips", { kind: "drip", bytes: new Uint8Array(5_000), everyMs: 5 }],
  ] as const)("ends %s with the grant, and tells the service", async (_what, reply) => {
    await using service = await testInterceptor(describing({}, () => reply));
    await using client = connect(service);
    const startedMs = performance.now();
    expect(await review(client, bindingPlan(), callOf({ grantMs: 120 }))).toMatchObject({
      ok: false,
      error: { kind: "timeout" },
    });
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    expect(await service.calls[0]?.closed).toBe(constants.NGHTTP2_CANCEL);
  });

  it("cancels the call when the review is no longer wanted", async () => {
    const arrived = new Events();
    await using service = await testInterceptor(
      describing({}, () => {
        arrived.add();
        return { kind: "hang" };
      }),
    );
    await using client = connect(service);
    const cancel = new CancelSource();
    const answer = review(client, bindingPlan(), callOf({ cancel }));
    await arrived.reach(1);
    cancel.abort();
    expect(await answer).toMatchObject({ ok: false });
    expect(await service.calls[0]?.closed).toBe(constants.NGHTTP2_CANCEL);
  });

  it("does not call at all for a review that is cancelled before it begins", async () => {
    await using service = await testInterceptor(allowAll);
    await using client = connect(service);
    const cancel = new CancelSource();
    cancel.abort();
    expect(await review(client, bindingPlan(), callOf({ cancel }))).toMatchObject({ ok: false });
    await review(client);
    expect(service.calls).toHaveLength(1);
  });

  it("lets observers that hang take no place of a review that decides (C29)", async () => {
    const arrived = new Events();
    await using service = await testInterceptor(
      describing({}, ({ bindingId, reviewId }) => {
        if (bindingId !== "watch") return allowing(reviewId);
        arrived.add();
        return { kind: "hang" };
      }),
    );
    await using client = connect(service, { maxConcurrentReviews: 1, maxPendingReviews: 0 });
    const watch = client.reviewer(bindingPlan({ id: "watch", mode: "observe" }), HIDDEN);
    const cancel = new CancelSource();
    const watching = [watch(SUBJECT, callOf({ cancel })), watch(SUBJECT, callOf({ cancel }))];
    await arrived.reach(1);
    expect(await review(client)).toMatchObject({ ok: true });
    cancel.abort();
    await Promise.all(watching);
  });

  it("keeps to its limits: so many in flight, so many waiting, the rest are shed", async () => {
    const arrived = new Events();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    await using service = await testInterceptor(
      describing({}, async ({ reviewId }) => {
        arrived.add();
        await gate;
        return allowing(reviewId);
      }),
    );
    await using client = connect(service, { maxConcurrentReviews: 2, maxPendingReviews: 1 });
    const ask = client.reviewer(bindingPlan(), HIDDEN);
    const admitted = [ask(SUBJECT, callOf()), ask(SUBJECT, callOf()), ask(SUBJECT, callOf())];
    expect(await ask(SUBJECT, callOf())).toMatchObject({ ok: false, error: { kind: "overloaded", reason: "queue_full" } });
    await arrived.reach(2);
    expect(service.calls).toHaveLength(2);
    open();
    expect((await Promise.all(admitted)).map(({ ok }) => ok)).toEqual([true, true, true]);
    expect(service.calls).toHaveLength(3);
  });

  it("lets a grant run out in the queue as overload, not as a timeout (C21)", async () => {
    await using service = await testInterceptor(describing({}, () => ({ kind: "hang" })));
    await using client = connect(service, { maxConcurrentReviews: 1, maxPendingReviews: 5 });
    const ask = client.reviewer(bindingPlan(), HIDDEN);
    const running = ask(SUBJECT, callOf({ grantMs: 300 }));
    expect(await ask(SUBJECT, callOf({ grantMs: 50 }))).toMatchObject({
      ok: false,
      error: { kind: "overloaded", reason: "queue_expired" },
    });
    expect(await running).toMatchObject({ ok: false, error: { kind: "timeout" } });
  });

  it.each([
    ["a stream that was refused", { kind: "reset", code: constants.NGHTTP2_REFUSED_STREAM }],
    ["a GOAWAY that did not see the stream", { kind: "goaway" }],
  ] as const)("sends again after %s: same review id, attempt 2 (C6)", async (_what, first) => {
    const seen: (readonly [string, number])[] = [];
    await using service = await testInterceptor(
      describing({}, ({ reviewId, attempt }) => {
        seen.push([reviewId, attempt]);
        return reviewId === "once" && attempt === 1 ? first : allowing(reviewId);
      }),
    );
    await using client = connect(service);
    await review(client, bindingPlan(), callOf({ reviewId: "before" }));
    expect(await review(client, bindingPlan({ idempotent: false }), callOf({ reviewId: "once" }))).toMatchObject({ ok: true });
    expect(seen).toEqual([
      ["before", 1],
      ["once", 1],
      ["once", 2],
    ]);
  });

  it("sends at most twice (C6)", async () => {
    await using service = await testInterceptor(
      describing({}, () => ({ kind: "reset", code: constants.NGHTTP2_REFUSED_STREAM })),
    );
    await using client = connect(service);
    expect(await review(client)).toMatchObject({ ok: false, error: { kind: "unavailable" } });
    expect(service.calls).toHaveLength(2);
  });

  it("sends again after a lost connection only where the binding is idempotent (C6)", async () => {
    await using service = await testInterceptor(
      describing({}, ({ reviewId, attempt }) => (attempt === 1 ? { kind: "cut" } : allowing(reviewId))),
    );
    await using client = connect(service);
    expect(await review(client, bindingPlan({ idempotent: false }))).toMatchObject({
      ok: false,
      error: { kind: "unavailable" },
    });
    expect(service.calls).toHaveLength(1);
    expect(await review(client, bindingPlan({ idempotent: true }))).toMatchObject({ ok: true });
    expect(service.calls).toHaveLength(3);
  });

  it("does not send again what was answered", async () => {
    await using service = await testInterceptor(describing({}, () => ({ kind: "status", code: 13 })));
    await using client = connect(service);
    expect(await review(client, bindingPlan({ idempotent: true }))).toMatchObject({ ok: false, error: { kind: "invalid" } });
    expect(service.calls).toHaveLength(1);
  });

  it("fails a binding that was not described without calling", async () => {
    await using service = await testInterceptor(allowAll);
    await using client = connect(service);
    expect(await review(client, bindingPlan({ described: false }))).toMatchObject({
      ok: false,
      error: { kind: "unavailable", reason: "not_described" },
    });
    expect(service.calls).toHaveLength(0);
  });
}
