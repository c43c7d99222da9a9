import { CancelSource } from "../../../src/model/cancel.ts";
import type { BindingPlan } from "../../../src/model/plan.ts";
import type { Result } from "../../../src/model/result.ts";
import type { ReviewFailure } from "../../../src/model/review-failure.ts";
import type { ReviewCall, ReviewClient, ReviewSubject } from "../../../src/ports/review-client.ts";
import type { Verdict } from "@sallyport/contract/verdict.ts";
import { bindingPlan } from "../../support/binding-plan.ts";
import { exchangeOf } from "../../support/exchange.ts";
import { allowing, describing, type Script, type TestInterceptor } from "../../support/test-interceptor.ts";

/** Makes a client under test for a scripted service. */
export type Connect = (
  service: TestInterceptor,
  limits?: { readonly maxConcurrentReviews?: number; readonly maxPendingReviews?: number },
) => ReviewClient;

export const HIDDEN = { headers: new Set(["authorization"]), query: new Set<string>() };

export const SUBJECT: ReviewSubject = {
  exchange: exchangeOf(),
  route: { name: "main", labels: {} },
  requestBody: undefined,
  responseBody: undefined,
  outcome: undefined,
};

let sequence = 0;

/** A call with plenty of time and an id of its own. */
export const callOf = (parts: Partial<ReviewCall> = {}): ReviewCall => ({
  reviewId: `review-${(sequence += 1)}`,
  grantMs: 5_000,
  cancel: new CancelSource(),
  ...parts,
});

/** One review of a binding. */
export const review = (
  client: ReviewClient,
  binding: BindingPlan = bindingPlan(),
  call: ReviewCall = callOf(),
): Promise<Result<Verdict, ReviewFailure>> => client.reviewer(binding, HIDDEN)(SUBJECT, call);

/** A service that allows everything. */
export const allowAll: Script = describing({}, ({ reviewId }) => allowing(reviewId));
