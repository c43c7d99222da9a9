import { describe, expect, it } from "vitest";
import { toPlainPlan, toPlanJson } from "../../../src/model/plan-json.ts";
import { emptyPlan } from "../../support/admin-facts.ts";

describe("a plan as JSON", () => {
  it("is indented, ends in a line feed and reads back as the plan", () => {
    const text = toPlanJson(emptyPlan("r1"));
    expect(text).toMatch(/^{\n {2}"revision": "r1",[\s\S]*}\n$/);
    expect(JSON.parse(text)).toEqual(emptyPlan("r1"));
  });

  it("leaves out an interceptor's config, which may hold a secret, and keeps its digest", () => {
    const plan = { ...emptyPlan(), bindings: [{ id: "b", configJson: '{"api_key":"hunter2"}', configDigest: "d1" }] };
    // a binding cut to what the test is about
    const text = toPlanJson(plan as unknown as ReturnType<typeof emptyPlan>);
    expect(text).not.toContain("hunter2");
    expect(text).toContain('"config_digest": "d1"');
  });

  it("is in snake_case, and leaves names of headers, parameters and labels as they are", () => {
    const match = {
      hosts: [],
      path: "/",
      methods: [],
      headers: { "x-A": "1" },
      query: { pageSize: "2" },
      labels: { myTier: "gold" },
    };
    const plan = { ...emptyPlan(), routes: [{ name: "r", maxBodyBytes: 5, labels: { myTier: "gold" }, match }] };
    // a route cut to what the test is about
    expect(toPlainPlan(plan as unknown as ReturnType<typeof emptyPlan>)["routes"]).toEqual([
      { name: "r", max_body_bytes: 5, labels: { myTier: "gold" }, match },
    ]);
  });
});
