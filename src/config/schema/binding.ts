import { z } from "zod";
import { FIXED_LIMITS } from "../../model/limits.ts";
import { BODY_FORMATS, MODES, PHASES } from "../../model/phase.ts";
import { canonicalJson } from "../../support/canonical-json.ts";
import type { BindingConfig, ReviewTerms } from "../interceptor-config.ts";
import { count, KIB, matching, name } from "./primitives.ts";
import { bindingTerms, toBindingTerms } from "./review-terms.ts";
import { selectorSchema, toSelector } from "./selector.ts";

const MAX_CONFIG_BYTES = 64 * KIB;

/** The phases, as a list the schema and its issues can name. */
export const phase = z.enum(keysOf(PHASES));

const viewPointer = matching({
  title: "view pointer",
  expected: "a pointer into the view such as /request/headers/x-tenant-id",
  pattern: `^/.{1,${FIXED_LIMITS.pointerBytes - 1}}$`,
});

const pointers = z.array(viewPointer).max(FIXED_LIMITS.pointers, { error: `expected at most ${FIXED_LIMITS.pointers} pointers` });

const order = count({ min: -1_000_000, max: 1_000_000 });

/** What only this binding is told, as an object. */
const bindingConfig = z.record(z.string(), z.unknown()).superRefine((value, refinement) => {
  if (new TextEncoder().encode(canonicalJson(value)).length <= MAX_CONFIG_BYTES) return;
  refinement.addIssue({ code: "custom", message: "expected at most 64KiB as JSON" });
});

/** One entry of an interceptor's `bindings`. */
export const bindingSchema = z.strictObject({
  id: name.describe("Id of the binding in the interceptor's manifest."),
  phase: phase.describe("When the interceptor is asked."),
  mode: z.enum(keysOf(MODES)).describe("What it may do: change or deny, deny, or look on afterwards."),
  order: order.default(0).describe("Place among the interceptor's bindings of a phase; lower runs earlier."),
  enabled: z.boolean().default(true).describe("`false` withholds the grant and keeps the entry."),
  match: selectorSchema.prefault({}).describe("Which exchanges: all keys must match, one item of each list. Left out: all."),
  needs: pointers
    .optional()
    .describe("View pointers the binding may be shown, narrowing its manifest. Left out: all it asks for."),
  writes: pointers.optional().describe("View pointers it may patch, narrowing its manifest. Left out: all it asks for."),
  expose: pointers
    .prefault([])
    .describe("Hidden fields it may be shown nevertheless, such as `/request/headers/cookie`; never written."),
  may: z
    .array(z.enum(["reroute", "respond", "set-cookies"]))
    .prefault([])
    .describe("Powers beyond patching: change what routes match, answer in place of the upstream, set cookies."),
  body: z.enum(keysOf(BODY_FORMATS)).optional().describe("How bodies are shown to it. Left out: as its manifest says."),
  config: bindingConfig
    .optional()
    .describe("Settings for the interceptor itself, handed over at start-up and reload. No secrets."),
  percent: count({ min: 1, max: 100 })
    .default(100)
    .describe("Share of the exchanges it reviews, chosen by request id. Less than 100 only with `enforcement: shadow`."),
  accept_replica_scope: z
    .boolean()
    .default(false)
    .describe("Allows several replicas of a service, or several gateways, although each replica keeps its own state."),
  ...bindingTerms,
});

/** The binding as the program sees it. */
export function toBinding(parsed: z.output<typeof bindingSchema>, interceptor: ReviewTerms): BindingConfig {
  const terms = toBindingTerms(parsed, interceptor);
  return {
    id: parsed.id,
    phase: parsed.phase,
    mode: parsed.mode,
    order: parsed.order,
    enabled: parsed.enabled,
    match: toSelector(parsed.match),
    needs: parsed.needs,
    writes: parsed.writes,
    expose: parsed.expose,
    may: parsed.may,
    body: parsed.body,
    configJson: parsed.config && canonicalJson(parsed.config),
    percent: parsed.percent,
    acceptReplicaScope: parsed.accept_replica_scope,
    terms: parsed.mode === "observe" ? { ...terms, failurePolicy: "fail-open", enforcement: "enforce" } : terms,
  };
}

/** Names of a table's rows, in order. */
function keysOf<Name extends string>(table: Readonly<Record<Name, unknown>>): Name[] {
  const names: Name[] = [];
  for (const row in table) names.push(row);
  return names;
}
