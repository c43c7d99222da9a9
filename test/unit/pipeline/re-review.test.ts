import { describe, expect, it } from "vitest";
import { CancelSource } from "../../../src/model/cancel.ts";
import { reReview, type ReReview } from "../../../src/pipeline/re-review.ts";
import { allow, binding, deny, fail, respond, setHeader, type FakeBinding } from "../../support/fake-binding.ts";
import { parts } from "../../support/long-lived.ts";
import { fixedIds } from "../../support/fixed-ids.ts";
import { planOf, Scene, type RouteChoice } from "../../support/pipeline.ts";

async function again(bindings: readonly FakeBinding[], route: RouteChoice = {}): Promise<ReReview> {
  const scene = new Scene();
  scene.holder.swap(scene.generation(planOf([{ ...route, bindings }], scene.upstream)));
  const { clock, log, room: captured, holder: plans } = scene;
  const deps = {
    plans,
    clock,
    ids: fixedIds(),
    turnstile: { enter: () => ({ leave() {} }) },
    log,
    captured,
    observers: { enqueue() {} },
    shadows: { enqueue() {} },
    longLived: { enter: () => undefined },
    tunnels: { reserve: () => undefined },
    onRecord() {},
  };
  const asked = await reReview(deps, parts().stream({ validForMs: 5000 }), { count: 2, cancel: new CancelSource() });
  expect(scene.holder.inFlight).toBe(0);
  return asked;
}

describe("reviewing an open stream again (C36)", () => {
  it("asks the bindings before forward under ids of its own, and never those after the response", async () => {
    const first = binding("first", { review: allow([], { validForMs: 7000 }) });
    const after = binding("after", { phase: "post-response" });
    expect(await again([first, after])).toMatchObject({ kind: "renewed", terms: new Map([["svc/first", { validForMs: 7000 }]]) });
    expect(first.asked.map(({ call }) => call.reviewId)).toEqual([expect.stringMatching(/:svc\/first:r2$/)]);
    expect(after.asked).toHaveLength(0);
  });

  it.each([
    ["a denial", deny(), "closed", "not_today"],
    ["an answer of its own", respond(), "closed", "review_denied"],
    ["a failure", fail("unavailable"), "failed", "interceptor_unavailable"],
    ["a patch", allow([setHeader("x-a", "1")]), "failed", "interceptor_invalid_verdict"],
  ] as const)("takes %s for no renewal", async (_name, review, kind, code) => {
    const said = await again([binding("a", { mode: "mutate", failurePolicy: "fail-closed", review })]);
    expect(said).toMatchObject({ kind, closing: { code, by: "svc/a" } });
  });

  it("passes over a failure of a binding that fails open", async () => {
    const said = await again([binding("a", { failurePolicy: "fail-open", review: fail("timeout") })]);
    expect(said).toMatchObject({ kind: "renewed", silent: new Set(["svc/a"]) });
  });

  it("closes where no route is left", async () => {
    expect(await again([], { match: { path: "/elsewhere" } })).toMatchObject({
      kind: "closed",
      closing: { reason: "route-gone" },
    });
  });
});
