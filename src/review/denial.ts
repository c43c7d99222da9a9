import { stringifyJson } from "@sallyport/contract/json.ts";
import { isProtectedHeader } from "@sallyport/contract/protected-header.ts";
import type { DenyVerdict, RespondVerdict } from "@sallyport/contract/verdict.ts";
import type { Response } from "../model/exchange.ts";
import { HeaderLines } from "../model/header-lines.ts";
import type { BindingPlan } from "../model/plan.ts";
import type { Refusal } from "../model/problem.ts";
import { ok, type Result } from "../model/result.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import { invalid } from "./apply-verdict.ts";

/** A denial as the client meets it (C9); the decoder has already dropped what it may not say. */
export function denialAnswer(verdict: DenyVerdict, phase: BindingPlan["phase"]): Refusal {
  return {
    problem: "review_denied",
    status: verdict.status,
    code: verdict.code,
    retryable: phase !== "post-response" && PASSES_BY_ITSELF.has(verdict.status),
    detail: verdict.message,
    headers: verdict.headers.map(({ name, value }) => [name, value] as const),
    ...(verdict.grpcCode === undefined ? {} : { grpcStatus: verdict.grpcCode }),
    ...(verdict.body === undefined ? {} : { bodyJson: stringifyJson(verdict.body) }),
  };
}

// too many, or not now; at post-response the upstream has acted, and nothing invites a repeat (C17)
const PASSES_BY_ITSELF: ReadonlySet<number> = new Set([429, 503]);

/**
 * The answer of a `respond` verdict (C12). `contract` where the power is missing, the phase is wrong, a header is the gateway's own, or
 * there is a body with a status that has none (C26).
 */
export function respondAnswer(plan: BindingPlan, verdict: RespondVerdict): Result<Response, ReviewFailure> {
  const name = `${plan.interceptor}/${plan.id}`;
  if (!plan.may.includes("respond")) return invalid("contract", `${name} responded without the power to`);
  if (plan.phase === "post-response") return invalid("contract", `${name} responded at post-response`);
  const forbidden = verdict.headers.find((line) => isForbiddenInRespond(plan, line.name));
  if (forbidden !== undefined) return invalid("contract", `${name} responded with the header ${forbidden.name.slice(0, 64)}`);
  if (BODILESS.has(verdict.status) && verdict.body.byteLength > 0) {
    return invalid("contract", `${name} responded with a body and status ${verdict.status}`);
  }
  const headers = HeaderLines.of(...verdict.headers.map((line) => [line.name, line.value] as const));
  return ok({ status: verdict.status, headers, body: verdict.body });
}

// RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

const isForbiddenInRespond = (plan: BindingPlan, name: string): boolean =>
  name === "set-cookie" ? !plan.may.includes("set-cookies") : isProtectedHeader("response", name);
