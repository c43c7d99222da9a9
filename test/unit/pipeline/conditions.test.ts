import { describe, expect, it } from "vitest";
import { allow, binding, deny, setHeader } from "../../support/fake-binding.ts";
import { Scene } from "../../support/pipeline.ts";

describe("which bindings are asked (C22)", () => {
  it("counts a condition that cannot be evaluated as a match, warns of it and counts it", async () => {
    const unsure = binding("unsure", { when: () => "error", review: deny() });
    const scene = new Scene([{ bindings: [unsure] }]);
    expect(await scene.send()).toMatchObject({ status: 403 });
    expect(unsure.tally.counts.whenErrors).toBe(1);
    expect(scene.log.lines).toMatchObject([
      { level: "warn", event: "when_failed", fields: { binding: "svc/unsure", phase: "pre-route", request_id: "req-1" } },
    ]);
  });

  it("is not an answer of its own: the verdict decides", async () => {
    expect(await new Scene([{ bindings: [binding("unsure", { when: () => "error" })] }]).send()).toMatchObject({ status: 200 });
  });

  it("leaves a binding out whose condition does not match, without a trace", async () => {
    const left = binding("left", { when: () => "no-match", review: deny() });
    expect(await new Scene([{ bindings: [left] }]).send()).toMatchObject({ status: 200, record: { reviews: [] } });
    expect(left.tally).toMatchObject({ outcomes: {}, counts: { whenErrors: 0 } });
  });

  it("asks just before the binding would run, on the request as patched so far", async () => {
    const seen: (string | undefined)[] = [];
    const first = binding("first", {
      order: [0, 0],
      writes: ["/request/headers/x-step"],
      review: allow([setHeader("x-step", "one")]),
    });
    const second = binding("second", {
      order: [0, 1],
      when: ({ exchange }) => (seen.push(exchange.head.headers.first("x-step")), "match"),
    });
    await new Scene([{ bindings: [first, second] }]).send();
    expect(seen).toEqual(["one"]);
  });

  it("shows a condition on a body that body, in the binding's own terms", async () => {
    const seen: unknown[] = [];
    const reads = binding("reads", {
      when: ({ requestBody }) => (seen.push(requestBody), "no-match"),
      whenNeedsBody: { request: true, response: false },
    });
    await new Scene([{ bindings: [reads] }]).send({
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"a":1}',
    });
    expect(seen).toMatchObject([{ format: "json", text: '{"a":1}' }]);
  });

  it("closes when a condition breaks: never a way around a review", async () => {
    const breaks = binding("breaks", {
      failurePolicy: "fail-open",
      when: () => {
        throw new Error("a bug");
      },
    });
    const scene = new Scene([{ bindings: [breaks] }]);
    expect(await scene.send()).toMatchObject({ status: 500, problem: { code: "internal" } });
    expect(scene.upstream.requests).toEqual([]);
  });

  it("selects by labels as they stand, an absent one reading as empty", async () => {
    const labels = (value: string) => ({ selector: { routes: [], labels: { tier: value }, manifest: {} } });
    const [gold, none] = [
      binding("gold", { order: [0, 1], ...labels("gold") }),
      binding("none", { order: [0, 0], ...labels("") }),
    ];
    const writer = binding("writer", {
      order: [0, 0],
      writes: ["/labels/tier"],
      review: allow([{ op: "add", path: "/labels/tier", value: "gold" }]),
    });
    await new Scene([{ bindings: [none, writer, gold] }]).send();
    expect([gold, none].map(({ asked }) => asked.length)).toEqual([1, 1]);
  });
});
