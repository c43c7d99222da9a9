import type { InterceptorStates } from "../../ports/admin-facts.ts";
import type { AdminRoute } from "../../ports/admin-route.ts";
import { JSON_TYPE, jsonAnswer } from "../json-answer.ts";

/** Every interceptor: whether it was described, what it was granted, what is wrong with it. */
export const interceptors = (states: InterceptorStates): AdminRoute => ({
  method: "GET",
  path: "/admin/interceptors",
  summary: "Interceptors: described or not, version, bindings granted and ignored, last error.",
  access: "admin",
  answers: [{ status: 200, contentType: JSON_TYPE, means: "All interceptors of the plan in force." }],
  answer: () =>
    jsonAnswer(200, {
      interceptors: states
        .interceptors()
        .map(({ lastError, ...state }) => ({ ...state, ...(lastError === "" ? {} : { last_error: lastError }) })),
    }),
});
