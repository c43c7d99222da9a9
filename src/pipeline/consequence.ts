import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import type { AllowVerdict, Verdict } from "@sallyport/contract/verdict.ts";
import type { Exchange } from "../model/exchange.ts";
import { ok, type Result } from "../model/result.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import type { BodyView, ReviewSubject } from "../ports/review-client.ts";
import { applyPatches, invalid } from "../review/apply-verdict.ts";
import { denialAnswer, respondAnswer } from "../review/denial.ts";
import type { Asked } from "./ask-for-verdict.ts";
import { refused, type Ending } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { isMoveAllowed } from "./reroute.ts";
import { noRoom } from "./show-bodies.ts";
import type { Side } from "./wanted-bodies.ts";

/** What a verdict means for the exchange: it ends, or goes on as `exchange`. */
export type Consequence =
  | { readonly kind: "end"; readonly ending: Ending }
  | {
      readonly kind: "go-on";
      readonly exchange: Exchange;
      /** To another route or other bindings (C1). */ readonly moved: boolean;
    };

/** Reads one verdict against the grant; `err` is a review failure found in it. Nothing is changed here. */
export function consequenceOf(run: ExchangeRun, asked: Asked, verdict: Verdict): Result<Consequence, ReviewFailure> {
  const { binding } = asked;
  switch (verdict.kind) {
    case "deny":
      return ok({
        kind: "end",
        ending: { kind: "denied", refusal: denialAnswer(verdict, binding.plan.phase), by: binding.name },
      });
    case "respond": {
      if (binding.plan.mode !== "mutate")
        return invalid("contract", `${binding.name} responded, but was granted ${binding.plan.mode}`);
      if (run.responded !== undefined) return invalid("contract", `${binding.name} responded after ${run.responded.by} had`);
      const response = respondAnswer(binding.plan, verdict);
      return response.ok
        ? ok({ kind: "end", ending: { kind: "responded", response: response.value, by: binding.name } })
        : response;
    }
    case "allow":
      return allowed(run, asked, verdict);
    default:
      return verdict satisfies never;
  }
}

function allowed(run: ExchangeRun, { binding, subject }: Asked, verdict: AllowVerdict): Result<Consequence, ReviewFailure> {
  const grant = {
    plan: binding.plan,
    needs: binding.needs,
    writes: binding.writes,
    expose: binding.expose,
    hidden: run.plan.hidden,
  };
  const crowded = bodiesNamed(verdict.patches, subject).find(([, view]) => !run.bodies.takeValue(view));
  if (crowded !== undefined) return ok({ kind: "end", ending: refused("capture", noRoom(crowded[0])) });
  const applied = applyPatches(grant, subject, verdict.patches);
  if (!applied.ok) return applied;
  const move = isMoveAllowed(run, binding, applied.value);
  return move.ok ? ok({ kind: "go-on", exchange: applied.value.exchange, moved: move.value }) : move;
}

/** The bodies whose values operations read: they name a place in them. A body that is only shown is never parsed. */
function bodiesNamed(
  operations: readonly PatchOperation[],
  { requestBody, responseBody }: ReviewSubject,
): readonly (readonly [Side, BodyView])[] {
  const views = [["request", requestBody] as const, ["response", responseBody] as const];
  return views.flatMap(([side, view]) =>
    view !== undefined && operations.some((operation) => names(operation, `/${side}/body`)) ? [[side, view] as const] : [],
  );
}

const names = (operation: PatchOperation, pointer: string): boolean =>
  operation.path.startsWith(pointer) || ("from" in operation && operation.from.startsWith(pointer));
