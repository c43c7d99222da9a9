import { toPlanJson } from "../../model/plan-json.ts";
import type { PlanView } from "../../ports/admin-facts.ts";
import type { AdminRoute } from "../../ports/admin-route.ts";
import { JSON_TYPE } from "../json-answer.ts";

/** The compiled plan in force, in execution order, with its revision. */
export const plan = (view: PlanView): AdminRoute => ({
  method: "GET",
  path: "/admin/plan",
  summary: "The plan in force and its revision.",
  access: "admin",
  answers: [{ status: 200, contentType: JSON_TYPE, means: "The plan." }],
  answer: () => ({ status: 200, contentType: JSON_TYPE, body: toPlanJson(view.plan()) }),
});
