import type { Verdict } from "@sallyport/contract/verdict.ts";
import type { BindingPlan, GrantedCachePlan } from "../../../model/plan.ts";
import { ok, type Result } from "../../../model/result.ts";
import type { ReviewFailure } from "../../../model/review-failure.ts";
import type { ReviewCall, Reviewer, ReviewedVerdict, ReviewSubject } from "../../../ports/review-client.ts";
import type { Flights } from "./flights.ts";
import type { Found, KeptVerdict, VerdictCache } from "./verdict-cache.ts";
import { nameViews } from "./view-id.ts";

/** What the cached reviewers of one interceptor share. */
export interface CacheDeps {
  readonly cache: VerdictCache;
  readonly flights: Flights;
  /** Every endpoint's `Watch` is open: no revoke can be missed. */
  readonly isInTouch: () => boolean;
}

/** How the service itself is asked. */
export interface Asking {
  /** The view as it is sent, without anything around it. */
  readonly encodeView: (subject: ReviewSubject) => Uint8Array;
  readonly ask: Reviewer;
}

/**
 * A reviewer that asks only what it was not told lately (C34): a kept verdict is given again, equal questions under way are asked
 * once. Failures are nobody's but the caller's, and a responder's answer is for whoever asked.
 */
export function cachedReviewer(
  binding: BindingPlan & { readonly cache: GrantedCachePlan },
  { encodeView, ask }: Asking,
  { cache, flights, isInTouch }: CacheDeps,
): Reviewer {
  const { cache: plan, phase, id: bindingId } = binding;
  const { maxEntries, revocable } = plan;
  const shelf = `${phase} ${bindingId}`;
  const nameOf = nameViews(binding);
  const lead = (id: string, subject: ReviewSubject, call: ReviewCall): Promise<Answer> => {
    const since = cache.moment;
    const answered = ask(subject, call);
    const take = (answer: Answer): KeptVerdict | undefined => {
      if (!answer.ok) return undefined;
      const reuse = reuseOf(answer.value, plan);
      flights.note(id, reuse !== undefined);
      if (reuse === undefined) return undefined;
      const terms = { ...reuse, since, shelf, maxEntries, revocable };
      if (!cache.isGood(terms)) return undefined;
      cache.keep(id, reuse.verdict, terms);
      return reuse.verdict;
    };
    flights.lead(id, { since, shared: answered.then(take) });
    return answered;
  };
  return (subject, call) => {
    if (revocable && !isInTouch()) return ask(subject, call);
    const id = nameOrNothing(() => nameOf(subject, encodeView(subject)));
    if (id === undefined) return ask(subject, call);
    const found = cache.find(id);
    if (found !== undefined) return Promise.resolve(ok(givenAgain(found)));
    const flight = flights.joinable(id, cache.moment);
    return flight === undefined ? lead(id, subject, call) : flights.follow(flight, call, (rest) => ask(subject, rest));
  };
}

type Answer = Result<ReviewedVerdict, ReviewFailure>;

/** What throws here is a bug, and throws again where a failure is made of it. */
function nameOrNothing(name: () => string): string | undefined {
  try {
    return name();
  } catch {
    return undefined;
  }
}

interface Reuse {
  readonly verdict: KeptVerdict;
  readonly ttlMs: number;
  readonly tags: readonly string[];
}

/** How a verdict may be given again, or undefined. One that is only valid for a while is not kept for longer. */
function reuseOf(verdict: Verdict, { maxTtlMs, maxNegativeTtlMs }: GrantedCachePlan): Reuse | undefined {
  if (verdict.kind === "respond" || verdict.cache === undefined) return undefined;
  const { ttlMs, tags } = verdict.cache;
  const validForMs = verdict.kind === "allow" ? (verdict.validForMs ?? ttlMs) : ttlMs;
  const most = verdict.kind === "allow" ? maxTtlMs : maxNegativeTtlMs;
  const reusableMs = Math.min(ttlMs, validForMs, most);
  return reusableMs > 0 ? { verdict, tags, ttlMs: reusableMs } : undefined;
}

/** A period of validity began when the verdict was made, not when it was given again. */
function givenAgain({ verdict, ageMs }: Found): ReviewedVerdict {
  const cached = "hit" as const;
  if (verdict.kind !== "allow" || verdict.validForMs === undefined) return { ...verdict, cached };
  return { ...verdict, validForMs: Math.max(1, Math.floor(verdict.validForMs - ageMs)), cached };
}
