import type { AdminRoute } from "../../ports/admin-route.ts";
import { JSON_TYPE, jsonAnswer } from "../json-answer.ts";
import { PROBLEM_TYPE } from "../problem-answer.ts";

/** Serves the description of `routes` and of itself as OpenAPI 3.1. */
export function openapi(routes: readonly AdminRoute[], version: string): AdminRoute {
  const self: AdminRoute = {
    method: "GET",
    path: "/admin/openapi.json",
    summary: "This description.",
    access: "admin",
    answers: [{ status: 200, contentType: JSON_TYPE, means: "OpenAPI 3.1." }],
    answer: () => jsonAnswer(200, describe([...routes, self], version)),
  };
  return self;
}

/** The OpenAPI document of a table of routes. */
function describe(routes: readonly AdminRoute[], version: string): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route);
  return {
    openapi: "3.1.0",
    info: { title: "Sallyport admin API", version },
    paths,
    components: {
      securitySchemes: { admin: { type: "http", scheme: "bearer", description: "The text of `admin.token_file`." } },
      schemas: { Problem: PROBLEM_SCHEMA },
    },
  };
}

function operation({ method, path, summary, access, takes, answers }: AdminRoute): unknown {
  const problem = { content: { [PROBLEM_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } } };
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^A-Za-z0-9]+/g, "_")}`,
    summary,
    security: access === "admin" ? [{ admin: [] }] : [],
    ...(takes === undefined
      ? {}
      : { requestBody: { description: takes.means, required: true, content: { [JSON_TYPE]: { schema: takes.schema } } } }),
    responses: {
      ...Object.fromEntries(
        answers.map(({ status, contentType, means }) => [status, { description: means, content: { [contentType]: {} } }]),
      ),
      ...(access === "admin" ? { 401: { description: "No credential, or a wrong one.", ...problem } } : {}),
      default: { description: "A problem (RFC 9457).", ...problem },
    },
  };
}

const PROBLEM_SCHEMA = {
  type: "object",
  required: ["type", "title", "status", "code"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { type: "string" },
  },
};
