import { review } from "@sallyport/interceptors-sdk/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { quota } from "./quota.ts";

const config = { limit: 2, window: "60s" };

describe("quota", () => {
  let nowMs = 0;
  let interceptor = quota(() => nowMs);
  let requests = 0;

  beforeEach(() => {
    nowMs = 1000;
    interceptor = quota(() => nowMs);
  });

  const reserve = async (who: { tenant?: string; principal?: string } = {}, id = `request-${(requests += 1)}`) => {
    const { verdict } = await review(interceptor, "reserve", {
      request: { headers: { traceparent: id } },
      ...(who.tenant !== undefined && { labels: { tenant: who.tenant } }),
      principal: { id: who.principal ?? "alice" },
      config,
    });
    return verdict;
  };

  const settle = (id: string, outcome: { status: number; failure?: string; open?: boolean }) =>
    review(interceptor, "settle", { request: { headers: { traceparent: id } }, principal: { id: "alice" }, outcome });

  it("denies the request after the last of the quota, and says when to come back", async () => {
    expect((await reserve()).kind).toBe("allow");
    expect((await reserve()).kind).toBe("allow");
    nowMs += 20_500;
    expect(await reserve()).toMatchObject({
      kind: "deny",
      status: 429,
      code: "quota_exceeded",
      headers: [{ name: "retry-after", value: "40" }],
      defects: [],
    });
  });

  it("allows again in the next window", async () => {
    await reserve();
    await reserve();
    nowMs += 60_000;
    expect((await reserve()).kind).toBe("allow");
  });

  it("counts a tenant's principals together and different tenants apart", async () => {
    await reserve({ tenant: "acme", principal: "alice" });
    await reserve({ tenant: "acme", principal: "bob" });
    expect((await reserve({ tenant: "acme", principal: "carol" })).kind).toBe("deny");
    expect((await reserve({ tenant: "globex", principal: "alice" })).kind).toBe("allow");
  });

  it("does not take a principal for a tenant of the same name", async () => {
    await reserve({ tenant: "acme" });
    await reserve({ tenant: "acme" });
    expect((await reserve({ principal: "acme" })).kind).toBe("allow");
  });

  it("counts a review that is sent twice once", async () => {
    await reserve({}, "same");
    await reserve({}, "same");
    expect((await reserve()).kind).toBe("allow");
  });

  it("gives nothing back for a request it denied itself", async () => {
    await reserve();
    await reserve();
    expect((await reserve({}, "denied")).kind).toBe("deny");
    await settle("denied", { status: 429, failure: "quota_exceeded" });
    expect((await reserve()).kind).toBe("deny");
  });

  it("gives back what a failed request spent, once it has ended", async () => {
    await reserve({}, "failing");
    await reserve();
    await settle("failing", { status: 502, failure: "upstream_unreachable", open: true });
    expect((await reserve()).kind).toBe("deny");
    await settle("failing", { status: 502, failure: "upstream_unreachable" });
    expect((await reserve()).kind).toBe("allow");
  });

  it("keeps what an answered request spent", async () => {
    await reserve({}, "answered");
    await reserve();
    await settle("answered", { status: 404 });
    expect((await reserve()).kind).toBe("deny");
  });

  it.each([undefined, {}, { limit: 0, window: "60s" }, { limit: 2, window: "soon" }, { limit: "2", window: "60s" }])(
    "refuses the config %j at Describe",
    async (wrong) => {
      await expect(review(interceptor, "reserve", { config: wrong })).rejects.toThrow(/expected \{ limit: 100, window: "60s" \}/);
    },
  );
});
