import { allow, binding, defineInterceptor, deny } from "@sallyport/interceptors-sdk";
import { manifest, review } from "@sallyport/interceptors-sdk/testing";
import { describe, expect, it } from "vitest";
import { patchedState } from "../../../interceptors-sdk/src/testing/patched-state.ts";
import { stateOf } from "../../../interceptors-sdk/src/testing/exchange.ts";

const reads = defineInterceptor({
  name: "reads",
  bindings: {
    copy: binding({
      phase: "pre-route",
      mode: "mutate",
      needs: ["/principal/id", "/tenant/id", "/route/name", "/client/address"],
      writes: ["/labels/who"],
      review: () => allow().label("who", "x"),
    }),
  },
});

function patchedBy(op: Parameters<typeof patchedState>[1][number]): ReturnType<typeof patchedState> {
  const reader = reads.bindings.get("copy");
  if (reader === undefined) throw new Error("declared above");
  const state = stateOf(
    { principal: { id: "ann", tenants: ["acme"] }, tenant: { id: "acme" }, route: { name: "orders" } },
    reader.binding,
  );
  return patchedState(state, [op], { reader, powers: [] });
}

describe("patches on a test exchange", () => {
  it.each([
    ["/principal/id", "ann"],
    ["/tenant/id", "acme"],
    ["/route/name", "orders"],
    ["/client/address", "192.0.2.1"],
  ])("see the read-only field %s as the view shows it", (path, value) => {
    expect(patchedBy({ op: "test", path, value }).ok).toBe(true);
    const other = patchedBy({ op: "test", path, value: "other" });
    expect(other.ok ? "" : other.error).toContain("patch_rejected");
    const copied = patchedBy({ op: "copy", from: path, path: "/labels/who" });
    expect(copied.ok && copied.value.labels.get("who")).toBe(value);
  });

  it("do not see a read-only field the binding is not shown", () => {
    expect(patchedBy({ op: "test", path: "/principal/type", value: "static-token" }).ok).toBe(false);
  });
});

const cached = (cacheable: boolean, answer: () => ReturnType<typeof deny>) =>
  defineInterceptor({
    name: "cached",
    bindings: { check: binding({ phase: "pre-route", mode: "validate", needs: [], cacheable, review: answer }) },
  });

describe("deny().cacheFor", () => {
  const denial = () => deny(403, "quota", "No.").cacheFor(1_000, ["user:1"]).annotate("a", "b");

  it("lets a denial be given again", async () => {
    const { verdict } = await review(cached(true, denial), "check");
    expect(verdict).toMatchObject({ kind: "deny", cache: { ttlMs: 1_000, tags: ["user:1"] }, defects: [] });
  });

  it.each([
    ["a binding that is not cacheable", false, denial],
    ["no time", true, () => deny(403, "quota", "No.").cacheFor(0)],
    ["an empty tag", true, () => deny(403, "quota", "No.").cacheFor(1_000, [""])],
    [
      "65 tags",
      true,
      () =>
        deny(403, "quota", "No.").cacheFor(
          1,
          Array.from({ length: 65 }, (_, index) => `t${index}`),
        ),
    ],
  ])("stays a denial, of this exchange only, with %s (C8)", async (_what, cacheable, answer) => {
    const { verdict } = await review(cached(cacheable, answer), "check");
    expect(verdict).toMatchObject({ kind: "deny", status: 403, code: "quota" });
    expect(verdict).not.toHaveProperty("cache");
  });

  it("says in the manifest that verdicts can be revoked, where any can be kept", () => {
    expect(manifest(cached(true, denial)).revokes).toBe(true);
    expect(manifest(cached(false, denial)).revokes).toBe(false);
  });
});
