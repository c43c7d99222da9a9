import type { InterceptorStates } from "../../ports/admin-facts.ts";
import type { AdminRoute } from "../../ports/admin-route.ts";
import { JSON_TYPE, jsonAnswer } from "../json-answer.ts";

/** Every interceptor: where its endpoints stand, whether it was described, what it was granted, what is wrong with it. */
export const interceptors = (states: InterceptorStates): AdminRoute => ({
  method: "GET",
  path: "/admin/interceptors",
  summary: "Interceptors: state of each endpoint, described or not, version, bindings granted and ignored, last error.",
  access: "admin",
  answers: [{ status: 200, contentType: JSON_TYPE, means: "All interceptors of the plan in force." }],
  answer: () =>
    jsonAnswer(200, {
      interceptors: states.interceptors().map(({ name, endpoints, manifestDigest, drift, lastError, ...state }) => ({
        name,
        endpoints: endpoints.map(({ inFlight, ...endpoint }) => ({ ...endpoint, in_flight: inFlight })),
        ...state,
        ...(manifestDigest === "" ? {} : { manifest_digest: manifestDigest }),
        ...(drift === undefined ? {} : { manifest_drift: drift }),
        ...(lastError === "" ? {} : { last_error: lastError }),
      })),
    }),
});
