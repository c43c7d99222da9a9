import { toPlainPlan } from "../../model/plan-json.ts";
import type { PlanView } from "../../ports/admin-facts.ts";
import type { AdminRoute } from "../../ports/admin-route.ts";
import { JSON_TYPE, jsonAnswer } from "../json-answer.ts";

/** The compiled plan in force, in execution order, with its revision and how it came to be. */
export const plan = (view: PlanView): AdminRoute => ({
  method: "GET",
  path: "/admin/plan",
  summary: "The plan in force, its revision, and its last changes, newest first.",
  access: "admin",
  answers: [{ status: 200, contentType: JSON_TYPE, means: "The plan." }],
  answer: () => jsonAnswer(200, { ...toPlainPlan(view.plan()), history: view.history() }),
});
