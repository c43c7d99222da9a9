import type { MetricsText } from "../../ports/admin-facts.ts";
import type { AdminRoute } from "../../ports/admin-route.ts";

/** Metrics for Prometheus. */
export const metrics = (source: MetricsText): AdminRoute => ({
  method: "GET",
  path: "/metrics",
  summary: "Metrics in Prometheus' text format.",
  access: "public",
  answers: [{ status: 200, contentType: source.contentType, means: "All metrics." }],
  answer: async () => ({ status: 200, contentType: source.contentType, body: await source.expose() }),
});
