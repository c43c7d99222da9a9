import { allow, binding, defineInterceptor, deny, serveFromEnv } from "@sallyport/interceptors-sdk";

/**
 * Lets a request act only for a tenant its principal belongs to. Later bindings read the tenant from a label, the upstream from
 * a header that only this interceptor can set.
 */
export const tenancy = defineInterceptor({
  name: "tenancy",
  version: "1.0.0",
  bindings: {
    "assign-tenant": binding({
      phase: "pre-route",
      mode: "mutate",
      needs: ["/request/headers/x-tenant-id", "/principal"],
      writes: ["/labels/tenant", "/request/headers/x-verified-tenant"],
      ownsHeaders: ["x-verified-tenant"],
      idempotent: true,
      review({ request, principal }) {
        const tenant = request.headers["x-tenant-id"] ?? "";
        if (tenant === "") return deny(400, "tenant_required", "x-tenant-id is required");
        if (!principal.tenants.includes(tenant)) {
          return deny(403, "tenant_mismatch", "the principal is not a member of this tenant");
        }
        return allow().label("tenant", tenant).setHeader("x-verified-tenant", tenant);
      },
    }),
  },
});

if (import.meta.main) await serveFromEnv(tenancy);
