import { describe, expect, it } from "vitest";
import { ReadyLatch } from "../../../src/app/readiness.ts";

function latch() {
  const state = { ok: false, critical: true };
  const made = new ReadyLatch(() => [{ name: "interceptor/tenancy", reason: state.ok ? "" : "did not answer", ...state }]);
  return { state, made };
}

describe("ReadyLatch (C32)", () => {
  it("is ready once every critical check passed, and stays so through later outages", () => {
    const { state, made } = latch();
    expect(made.ready).toBe(false);
    state.ok = true;
    expect(made.ready).toBe(true);
    state.ok = false;
    expect(made.ready).toBe(true);
    expect(made.checks()).toMatchObject([
      { ok: false, reason: "did not answer" },
      { name: "drain", ok: true, reason: "" },
    ]);
  });

  it("does not wait for checks that are not critical", () => {
    const { state, made } = latch();
    state.critical = false;
    expect(made.ready).toBe(true);
  });

  it("ends with the drain, for good", () => {
    const { state, made } = latch();
    state.ok = true;
    made.drain();
    expect(made.ready).toBe(false);
    expect(made.checks().at(-1)).toMatchObject({ name: "drain", ok: false, reason: "draining" });
  });
});
