import type { WorkerRoller } from "../../ports/admin-facts.ts";
import type { AdminRoute } from "../../ports/admin-route.ts";
import { JSON_TYPE, jsonAnswer } from "../json-answer.ts";
import { PROBLEM_TYPE, problemAnswer } from "../problem-answer.ts";

/** Replaces all workers, one after the other (C37): each has a successor that serves before it finishes and ends. Answers when the last has. */
export const roll = (workers: WorkerRoller): AdminRoute => ({
  method: "POST",
  path: "/admin/roll",
  summary: "Replace all workers by new ones, one after the other, without refusing anybody.",
  access: "admin",
  answers: [
    {
      status: 200,
      contentType: JSON_TYPE,
      means: "`replaced`: numbers of the workers that were; `kept`: of those that were not, because no successor began.",
    },
    { status: 400, contentType: PROBLEM_TYPE, means: "One process serves; there are no workers." },
  ],
  async answer() {
    const rolled = await workers.roll();
    if (rolled === undefined) return problemAnswer("bad_request", "One process serves here; there are no workers to replace.");
    return jsonAnswer(200, rolled);
  },
});
