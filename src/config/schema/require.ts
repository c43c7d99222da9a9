import { z } from "zod";
import type { RequireConfig } from "../gateway-config.ts";
import { phase } from "./binding.ts";
import { method } from "./http-words.ts";
import { name, nonEmpty } from "./primitives.ts";

/** One entry of `require`. */
export const requireSchema = z.strictObject({
  routes: nonEmpty(name, "route").optional().describe("Routes that must be reviewed; left out: all."),
  phase: phase.describe("When."),
  interceptor: name.describe("By which interceptor."),
  binding: name.optional().describe("By which of its bindings; left out: any."),
  methods: z.array(method).prefault([]).describe("Narrows the claim to these methods; empty: every method of the route."),
  accept: z
    .array(z.enum(["when", "fail-open", "skip"]))
    .prefault([])
    .describe("Which gaps are accepted: a condition, `fail-open`, `on_unreviewable: skip`."),
});

/** The claim as the program sees it. */
export const toRequire = (parsed: z.output<typeof requireSchema>, routes: readonly string[]): RequireConfig => ({
  routes: parsed.routes ?? routes,
  phase: parsed.phase,
  interceptor: parsed.interceptor,
  binding: parsed.binding,
  methods: parsed.methods,
  accept: parsed.accept,
});
