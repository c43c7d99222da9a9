import type { Readiness } from "../../ports/admin-facts.ts";
import type { AdminRoute } from "../../ports/admin-route.ts";
import { JSON_TYPE, jsonAnswer } from "../json-answer.ts";

/** Says whether to send traffic here, with every check and its reason (C32). */
export const ready = (readiness: Readiness): AdminRoute => ({
  method: "GET",
  path: "/ready",
  summary: "Whether the gateway takes traffic, per check and with reasons.",
  access: "public",
  answers: [
    { status: 200, contentType: JSON_TYPE, means: "Ready; `degraded` when a check fails all the same." },
    { status: 503, contentType: JSON_TYPE, means: "Not ready." },
  ],
  answer() {
    const checks = readiness.checks();
    const degraded = checks.some(({ ok }) => !ok);
    const status = readiness.ready ? (degraded ? "degraded" : "ready") : "not_ready";
    return jsonAnswer(readiness.ready ? 200 : 503, {
      status,
      checks: checks.map(({ name, ok, critical, reason }) => ({ name, ok, critical, ...(reason === "" ? {} : { reason }) })),
    });
  },
});
