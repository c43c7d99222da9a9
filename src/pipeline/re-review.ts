import type { Cancel } from "../model/cancel.ts";
import type { ReviewRecord } from "../model/exchange-record.ts";
import { PROBLEMS } from "../model/problem.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import type { Closing, LongLivedStream, Term } from "../ports/long-lived.ts";
import type { ReviewedVerdict } from "../ports/review-client.ts";
import type { RunnableBinding } from "../ports/runnable-plan.ts";
import { failureAnswer } from "../review/failure-answer.ts";
import { askForVerdict } from "./ask-for-verdict.ts";
import type { PipelineDeps } from "./deps.ts";
import { ExchangeRun } from "./exchange-run.ts";
import { placeOf } from "./place.ts";
import { prepareReview } from "./prepare-review.ts";
import { recordReview, verdictEnding } from "./record-review.ts";
import { termOf } from "./term-of.ts";

/** What asking again came to. */
export type ReReview = (
  | {
      readonly kind: "renewed";
      /** Of the bindings that allowed it just now. */ readonly terms: ReadonlyMap<string, Term>;
      /** Bindings that failed open: what they said before stands. */ readonly silent: ReadonlySet<string>;
    }
  | { readonly kind: "closed"; readonly closing: Closing }
  /** A fail-closed binding gave no verdict: worth one grace, then `closing`. */
  | { readonly kind: "failed"; readonly closing: Closing }
  /** The stream ended meanwhile. */
  | { readonly kind: "abandoned" }
) & { readonly reviews: readonly ReviewRecord[] };

type Outcome = ReReview extends infer Each ? (Each extends unknown ? Omit<Each, "reviews"> : never) : never;

/**
 * Reviews an open stream again (C36): the stored head is matched against the plan in force, and the bindings before forward that match
 * are asked one after the other, without bodies. Never changes the stream; whoever calls does. Rejects only where a bug of ours is met.
 */
export async function reReview(
  deps: PipelineDeps,
  stream: LongLivedStream,
  { count, cancel }: { /** 1 for the first. */ readonly count: number; readonly cancel: Cancel },
): Promise<ReReview> {
  const { plan, release } = deps.plans.acquire();
  const startedMs = deps.clock.nowMs();
  const run = new ExchangeRun({ plan, release, exchange: stream.exchange, deps, startedMs, again: `:r${count}` });
  try {
    const outcome = enter(run) ?? (await askAll(run, cancel));
    return { ...outcome, reviews: run.reviews };
  } finally {
    run.release();
  }
}

const closing = (code: keyof typeof PROBLEMS, rest: Omit<Closing, "code" | "source">): Closing => ({
  code,
  source: PROBLEMS[code].source,
  ...rest,
});

function enter(run: ExchangeRun): Outcome | undefined {
  const place = placeOf(run.plan, run.exchange);
  if (place.kind !== "matched")
    return { kind: "closed", closing: closing("route_not_found", { by: "router", reason: "route-gone" }) };
  const { route, bindings } = place;
  const { head } = run.exchange;
  const headers = head.headers.without((name) => route.ownedHeaders.has(name));
  run.exchange = { ...run.exchange, head: { ...head, headers } };
  run.enter(route, bindings.filter(isAskedAgain), []);
  run.principalKnown();
  const [waiting] = route.plan.guardedBy;
  if (waiting === undefined) return undefined;
  const cause = `interceptor ${waiting} was not yet described`;
  return { kind: "failed", closing: closing("interceptor_unavailable", { by: waiting, reason: "failed", cause }) };
}

const isAskedAgain = ({ plan }: RunnableBinding): boolean => plan.phase !== "post-response" && plan.mode !== "observe";

async function askAll(run: ExchangeRun, cancel: Cancel): Promise<Outcome> {
  const terms = new Map<string, Term>();
  const silent = new Set<string>();
  for (const binding of run.matched) {
    const said = await ask(run, binding, cancel);
    if (said === "failed-open") silent.add(binding.name);
    else if (said !== undefined && "kind" in said) return said;
    else if (said !== undefined) terms.set(binding.name, said);
  }
  return { kind: "renewed", terms, silent };
}

/** Undefined: it has nothing to say about the stream's end. */
async function ask(
  run: ExchangeRun,
  binding: RunnableBinding,
  cancel: Cancel,
): Promise<Outcome | Term | "failed-open" | undefined> {
  if (cancel.aborted) return { kind: "abandoned" };
  run.markRun(binding);
  run.budget.begin([binding]);
  const preparing = prepareReview(run, binding, cancel);
  const prepared = preparing instanceof Promise ? await preparing : preparing;
  if (prepared.kind === "pass") return undefined;
  if (prepared.kind === "end")
    return { kind: "failed", closing: closing("response_unreviewable", { by: binding.name, reason: "failed" }) };
  const startedMs = run.deps.clock.nowMs();
  const answer = await askForVerdict(run, prepared, cancel);
  const durationMs = run.deps.clock.nowMs() - startedMs;
  run.budget.spend(durationMs);
  if (answer === undefined) {
    recordReview(run, binding, { durationMs, ending: { kind: "cancelled" } });
    return { kind: "abandoned" };
  }
  if (!answer.ok) return afterFailure(run, binding, { failure: answer.error, durationMs });
  const verdict = answer.value;
  if (verdict.kind === "allow" && verdict.patches.length > 0)
    return afterFailure(run, binding, { failure: patched(binding), durationMs });
  recordReview(run, binding, { durationMs, ending: verdictEnding(verdict) });
  return meaningOf(run, binding, verdict);
}

const patched = ({ name }: RunnableBinding): ReviewFailure => ({
  kind: "invalid",
  reason: "contract",
  message: `${name} patched an exchange that has been answered`,
});

/** An answer of its own is no allow: there is nothing left to put it in the place of. */
function meaningOf(run: ExchangeRun, binding: RunnableBinding, verdict: ReviewedVerdict): Outcome | Term | undefined {
  if (verdict.kind === "allow") return termOf(binding, verdict, run.deps.clock.nowMs());
  const denied = closing("review_denied", { by: binding.name, reason: "denied" });
  return { kind: "closed", closing: verdict.kind === "deny" ? { ...denied, code: verdict.code } : denied };
}

function afterFailure(
  run: ExchangeRun,
  binding: RunnableBinding,
  { failure, durationMs }: { readonly failure: ReviewFailure; readonly durationMs: number },
): Outcome | "failed-open" {
  const { failurePolicy: policy, phase } = binding.plan;
  recordReview(run, binding, { durationMs, ending: { kind: "failure", failure, policy } });
  if (policy === "fail-open") {
    binding.instruments.failOpen.add();
    return "failed-open";
  }
  const { problem, cause } = failureAnswer(failure, phase);
  return { kind: "failed", closing: closing(problem, { by: binding.name, reason: "failed", cause }) };
}
