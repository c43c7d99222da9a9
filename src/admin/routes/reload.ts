import type { Reloader } from "../../ports/admin-facts.ts";
import type { AdminRoute } from "../../ports/admin-route.ts";
import { JSON_TYPE, jsonAnswer } from "../json-answer.ts";

/** Reads the configuration anew and answers once it is in force, or why it is not. */
export const reload = (reloader: Reloader): AdminRoute => ({
  method: "POST",
  path: "/admin/reload",
  summary: "Reload the configuration; answers the outcome.",
  access: "admin",
  answers: [
    { status: 200, contentType: JSON_TYPE, means: "`swapped`: the new plan is in force; `unchanged`: it was already." },
    { status: 422, contentType: JSON_TYPE, means: "`rejected`: the last known good plan stays; `issues` says why." },
  ],
  async answer() {
    const { kind, ...rest } = await reloader.reload("admin");
    return jsonAnswer(kind === "rejected" ? 422 : 200, { outcome: kind, ...rest });
  },
});
