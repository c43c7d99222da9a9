import type { AdminRoute } from "../../ports/admin-route.ts";
import { JSON_TYPE, jsonAnswer } from "../json-answer.ts";

/** Says that the process answers, and nothing about what it depends on: restarting it would not mend an upstream. */
export const health = (): AdminRoute => ({
  method: "GET",
  path: "/health",
  summary: "Whether the process is alive.",
  access: "public",
  answers: [{ status: 200, contentType: JSON_TYPE, means: "It is." }],
  answer: () => jsonAnswer(200, { status: "ok" }),
});
