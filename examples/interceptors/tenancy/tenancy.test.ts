import { review } from "@sallyport/interceptors-sdk/testing";
import { describe, expect, it } from "vitest";
import { tenancy } from "./tenancy.ts";

const member = { id: "alice", tenants: ["acme", "globex"] };

describe("tenancy", () => {
  it("labels the exchange with a tenant the principal is a member of", async () => {
    const { verdict, view } = await review(tenancy, "assign-tenant", {
      request: { headers: { "x-tenant-id": "acme" } },
      principal: member,
    });
    expect(verdict.kind).toBe("allow");
    expect(view.labels).toEqual({ tenant: "acme" });
    expect(view.request.headers["x-verified-tenant"]).toBe("acme");
  });

  it("denies a request that names no tenant", async () => {
    const { verdict } = await review(tenancy, "assign-tenant", { principal: member });
    expect(verdict).toMatchObject({ kind: "deny", status: 400, code: "tenant_required" });
  });

  it("denies a tenant the principal is not a member of", async () => {
    const { verdict, view } = await review(tenancy, "assign-tenant", {
      request: { headers: { "x-tenant-id": "initech" } },
      principal: member,
    });
    expect(verdict).toMatchObject({ kind: "deny", status: 403, code: "tenant_mismatch" });
    expect(view.labels).toEqual({});
  });

  it("denies an anonymous caller, who is a member of nothing", async () => {
    const { verdict } = await review(tenancy, "assign-tenant", { request: { headers: { "x-tenant-id": "acme" } } });
    expect(verdict).toMatchObject({ kind: "deny", status: 403 });
  });
});
