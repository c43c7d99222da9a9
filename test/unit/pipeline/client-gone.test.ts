import { describe, expect, it } from "vitest";
import { BodyFailure } from "../../../src/model/body-failure.ts";
import { err } from "../../../src/model/result.ts";
import type { Authenticator } from "../../../src/ports/authenticator.ts";
import { allow, binding, HeldReviewer } from "../../support/fake-binding.ts";
import { Scene, turn, type Flying } from "../../support/pipeline.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";

const expectCancelled = async (flying: Flying): Promise<void> => {
  expect(await flying.reply()).toMatchObject({ status: 499, text: "", record: { ending: { kind: "cancelled", status: 499 } } });
};

describe("a client that leaves (C7)", () => {
  it("before anything happened reaches no upstream", async () => {
    const scene = new Scene();
    const body = new TrackedStream(["unread"]);
    await expectCancelled(scene.begin({ method: "POST", body, gone: true }));
    expect(scene.upstream.requests).toEqual([]);
    expect(body.state).toBe("discarded");
  });

  it.each(["pre-auth", "pre-route"] as const)(
    "during a mutator's review at %s cancels it, asks nobody else and reaches no upstream",
    async (phase) => {
      const reviewer = new HeldReviewer();
      const first = binding("first", { phase, order: [0, 0], review: reviewer.review });
      const second = binding("second", { phase, order: [0, 1] });
      const scene = new Scene([{ bindings: [first, second] }]);
      const flying = scene.begin();
      await turn();
      flying.leave();
      expect(reviewer.calls[0]!.call.cancel.aborted).toBe(true);
      await expectCancelled(flying);
      expect(second.asked).toEqual([]);
      expect(scene.upstream.requests).toEqual([]);
      expect(scene.records[0]).toMatchObject({ reviews: [{ binding: "svc/first", ending: { kind: "cancelled" } }] });
      expect(first.tally).toMatchObject({ outcomes: { cancelled: 1 } });
    },
  );

  it("during validators' reviews cancels all of them: neither verdict nor failure", async () => {
    const reviewers = [new HeldReviewer(), new HeldReviewer()];
    const bindings = reviewers.map(({ review }, index) => binding(`v${index}`, { mode: "validate", order: [0, index], review }));
    const scene = new Scene([{ bindings }]);
    const flying = scene.begin();
    await turn();
    flying.leave();
    await expectCancelled(flying);
    expect(reviewers.map(({ calls }) => calls[0]!.call.cancel.aborted)).toEqual([true, true]);
    expect(bindings.map(({ tally }) => tally.outcomes)).toEqual([{ cancelled: 1 }, { cancelled: 1 }]);
    expect(scene.upstream.requests).toEqual([]);
  });

  it("just as a verdict comes in makes that verdict nobody's", async () => {
    const reviewer = new HeldReviewer();
    const scene = new Scene([{ bindings: [binding("b", { review: reviewer.review })] }]);
    const flying = scene.begin();
    await turn();
    reviewer.calls[0]!.answer(allow());
    flying.leave();
    await expectCancelled(flying);
    expect(scene.upstream.requests).toEqual([]);
  });

  it("while an authenticator is asked is not waited for any longer, and reaches no upstream", async () => {
    const never: Authenticator = { name: "never", authenticate: () => new Promise(() => {}) };
    const scene = new Scene([{ authenticators: [never], authenticate: ["never", "anonymous"] }]);
    const flying = scene.begin();
    await turn();
    flying.leave();
    await expectCancelled(flying);
    expect(scene.upstream.requests).toEqual([]);
  });

  it("while its body is read for review gives the body up and asks nobody", async () => {
    const reads = binding("reads", { needs: ["/request/body"], body: "text" });
    const scene = new Scene([{ bindings: [reads] }]);
    const body = new TrackedStream(["some"], { chunked: true, stalls: true });
    const flying = scene.begin({ method: "POST", body });
    await turn();
    flying.leave();
    await expectCancelled(flying);
    expect(reads.asked).toEqual([]);
    expect(scene.upstream.requests).toEqual([]);
    expect(body.isOver).toBe(true);
    expect(scene.room.takenBytes).toBe(0);
  });

  it("is told by its broken body as well", async () => {
    const scene = new Scene([{ bindings: [binding("reads", { needs: ["/request/body"], body: "text" })] }]);
    const breaksWith = new BodyFailure("client_closed", "The client closed the connection.");
    await expectCancelled(scene.begin({ method: "POST", body: new TrackedStream(["some"], { chunked: true, breaksWith }) }));
  });

  it("while the upstream is asked cancels the call", async () => {
    const after = binding("after", { phase: "post-response" });
    const scene = new Scene([{ bindings: [after] }]);
    scene.upstream.answer = (_request, cancel) =>
      new Promise((resolve) => cancel.onAbort(() => resolve(err({ problem: "upstream_unreachable", cause: "cancelled" }))));
    const flying = scene.begin();
    await turn();
    flying.leave();
    await expectCancelled(flying);
    expect(after.asked).toEqual([]);
    expect(scene.records[0]).toMatchObject({ upstream: "origin", reviews: [] });
  });

  it("just before the response head comes gives the response up, unreviewed", async () => {
    const after = binding("after", { phase: "post-response" });
    const scene = new Scene([{ bindings: [after] }]);
    const flying = scene.begin();
    scene.upstream.answer = () => {
      flying.leave();
      return scene.upstream.respond();
    };
    await expectCancelled(flying);
    expect(after.asked).toEqual([]);
    expect(scene.upstream.bodies[0]!.state).toBe("discarded");
  });

  it("during a review of the response gives the response up", async () => {
    const reviewer = new HeldReviewer();
    const scene = new Scene([{ bindings: [binding("after", { phase: "post-response", review: reviewer.review })] }]);
    const flying = scene.begin();
    await turn();
    flying.leave();
    await expectCancelled(flying);
    expect(scene.upstream.bodies[0]!.state).toBe("discarded");
  });

  it("while the response's body is read for review gives that body up", async () => {
    const scene = new Scene([
      { bindings: [binding("after", { phase: "post-response", needs: ["/response/body"], body: "text" })] },
    ]);
    scene.upstream.answer = () => scene.upstream.respond({ body: ["slow"], stream: { chunked: true, stalls: true } });
    const flying = scene.begin();
    await turn();
    flying.leave();
    await expectCancelled(flying);
    expect(scene.upstream.bodies[0]!.isOver).toBe(true);
    expect(scene.room.takenBytes).toBe(0);
  });

  it("in the middle of the response leaves a cancelled exchange with the status that was sent", async () => {
    const scene = new Scene();
    const answer = await scene.begin().answer;
    answer.onSent({ bytes: 3, completed: false });
    expect(scene.records).toMatchObject([{ ending: { kind: "cancelled", status: 200 }, complete: false, responseBytes: 3 }]);
  });
});
