import type { CheckedChange } from "@sallyport/contract/field-value.ts";
import { PREFLIGHT_HEADERS } from "../model/preflight.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import type { RouteInputs, RunnableBinding, RunnablePlan } from "../ports/runnable-plan.ts";
import type { Applied } from "../review/apply-verdict.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { placeOf, type Place } from "./place.ts";

/** Whether a verdict's changes move the request, as its binding may let them (C1); `invalid` where it may not. */
export const isMoveAllowed = (run: ExchangeRun, binding: RunnableBinding, applied: Applied): Result<boolean, ReviewFailure> =>
  isMoveAllowedFrom({ plan: run.plan, standing: () => standing(run), catchingUp: run.catchingUp }, binding, applied);

/** Where a request stands, for the question whether it is moved from there. */
export interface Standing {
  readonly plan: RunnablePlan;
  /** Asked only where a change may matter. */
  readonly standing: () => Place;
  /** A catch-up round is under way: no further move (C2). */
  readonly catchingUp: boolean;
}

/** The same for a request that stands elsewhere than its exchange does by now. */
export function isMoveAllowedFrom(
  { plan, standing: from, catchingUp }: Standing,
  binding: RunnableBinding,
  { exchange, changes }: Applied,
): Result<boolean, ReviewFailure> {
  if (binding.plan.phase === "post-response" || !changes.some((change) => mayMatter(change, plan.inputs))) return ok(false);
  if (isSamePlace(from(), placeOf(plan, exchange))) return ok(false);
  if (catchingUp) return moveRefused(`${binding.name} moved the request again in a catch-up round`);
  if (!binding.plan.may.includes("reroute")) return moveRefused(`${binding.name} moved the request without the power to reroute`);
  return ok(true);
}

const moveRefused = (message: string): Result<never, ReviewFailure> =>
  err({ kind: "invalid", reason: "patch_rejected", message });

function mayMatter(change: CheckedChange, inputs: RouteInputs): boolean {
  switch (change.kind) {
    case "method":
    case "path":
      return true;
    case "query":
      return inputs.query.has(change.name);
    case "label":
      return inputs.labels.has(change.name);
    case "header":
      return change.side === "request" && (inputs.headers.has(change.name) || PREFLIGHT_HEADERS.has(change.name));
    case "body":
      // headers that describe a body change with it
      return change.side === "request" && inputs.headers.size > 0;
    case "status":
      return false;
    default:
      return change satisfies never;
  }
}

/** Where the request stands; matched anew where a mutator before this one has moved it. */
const standing = (run: ExchangeRun): Place =>
  run.moved ? placeOf(run.plan, run.exchange) : { kind: "matched", route: run.route, bindings: run.place, shadows: [] };

/** Whether both lead to one route and one set of bindings; two places without a route are one, whatever the reason. */
function isSamePlace(before: Place, after: Place): boolean {
  if (before.kind !== "matched" || after.kind !== "matched") return before.kind !== "matched" && after.kind !== "matched";
  return before.route === after.route && isSameList(before.bindings, after.bindings);
}

const isSameList = (a: readonly RunnableBinding[], b: readonly RunnableBinding[]): boolean =>
  a === b || (a.length === b.length && a.every((binding, index) => binding === b[index]));
