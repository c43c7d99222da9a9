import { allow, binding, defineInterceptor, deny, serveFromEnv } from "@sallyport/interceptors-sdk";

// An interceptor as an integrator writes it. How many bindings, and what they are shown, comes from the environment:
// BENCH_REVIEWS (1), BENCH_NEEDS (comma-separated pointers).
const reviews = Number(process.env["BENCH_REVIEWS"] ?? "1");
const needs = (process.env["BENCH_NEEDS"] ?? "/request/headers").split(",");

/** Each sets a header of its own, because a header has one owner; the first is what the bench looks for. */
function reviewing(index: number) {
  // a narrower type than what is there: no literal can name the later ones
  const header = `x-verified-tenant${index === 0 ? "" : `-${index + 1}`}` as "x-verified-tenant";
  return binding({
    phase: "pre-route",
    mode: "mutate",
    // a narrower type than what is there: `review` reads only what every choice of BENCH_NEEDS covers
    needs: needs as ["/request/headers/x-tenant-id"],
    writes: [`/request/headers/${header}`],
    ownsHeaders: [header],
    idempotent: true,
    review({ request }) {
      const tenant = request.headers["x-tenant-id"] ?? "";
      if (tenant === "") return deny(400, "tenant_required", "x-tenant-id is required");
      return allow().setHeader(header, tenant);
    },
  });
}

await serveFromEnv(
  defineInterceptor({
    name: "bench",
    version: "1.0.0",
    bindings: Object.fromEntries(Array.from({ length: reviews }, (_, index) => [`review-${index + 1}`, reviewing(index)])),
  }),
);
