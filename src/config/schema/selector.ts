import { z } from "zod";
import { EXPRESSION_CHARACTERS } from "../../model/limits.ts";
import type { SelectorConfig } from "../interceptor-config.ts";
import { hostPattern, method } from "./http-words.ts";
import { labelMap, name, nonEmpty } from "./primitives.ts";
import { pathPattern } from "./route.ts";

/** `match` of a binding: every key narrows. */
export const selectorSchema = z.strictObject({
  routes: nonEmpty(name, "route").optional().describe("Only these routes."),
  except_routes: nonEmpty(name, "route").optional().describe("All routes but these: the only way a binding leaves a route."),
  route_labels: labelMap.optional().describe("Only routes with these labels."),
  hosts: nonEmpty(hostPattern, "host").optional().describe("Only requests to these hosts, exact or `*.example.org`."),
  paths: nonEmpty(pathPattern, "path").optional().describe("Only requests whose path matches one of these patterns."),
  methods: nonEmpty(method, "method").optional().describe("Only requests with these methods, GET including HEAD."),
  principals: nonEmpty(z.string().min(1).max(256), "principal")
    .optional()
    .describe("Only requests of principals with these ids; not at pre-auth."),
  labels: labelMap.optional().describe("Only requests with these labels at the time."),
  when: z
    .string()
    .min(1, { error: "expected a CEL expression" })
    .max(EXPRESSION_CHARACTERS, { error: `expected at most ${EXPRESSION_CHARACTERS} characters` })
    .optional()
    .describe("Only requests this CEL expression is true for; a run-time error counts as true."),
});

/** The selector as the program sees it; keys that are absent stay absent. */
export function toSelector(parsed: z.output<typeof selectorSchema>): SelectorConfig {
  const { routes, except_routes, route_labels, hosts, paths, methods, principals, labels, when } = parsed;
  return {
    ...(routes && { routes }),
    ...(except_routes && { exceptRoutes: except_routes }),
    ...(route_labels && { routeLabels: route_labels }),
    ...(hosts && { hosts }),
    ...(paths && { paths }),
    ...(methods && { methods }),
    ...(principals && { principals }),
    ...(labels && { labels }),
    ...(when !== undefined && { when }),
  };
}
