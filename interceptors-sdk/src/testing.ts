import { DescribeRequest, ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { fromPlain, stringifyJson } from "@sallyport/contract/json.ts";
import { LIMITS } from "@sallyport/contract/limits.ts";
import { type Mode, MODES, PHASES } from "@sallyport/contract/phase.ts";
import type { Result } from "@sallyport/contract/result.ts";
import { decodeVerdict, type Verdict } from "@sallyport/contract/verdict.ts";
import { CallTime } from "./call-time.ts";
import type { CompiledBinding, Interceptor } from "./interceptor.ts";
import { ReviewService, type Refusal } from "./review-service.ts";
import { type ExchangeState, stateOf, type TestExchange, type TestView, viewOf } from "./testing/exchange.ts";
import { patchedState } from "./testing/patched-state.ts";
import { wireView } from "./testing/wire-view.ts";

export { manifestOf as manifest } from "./manifest.ts";
export type { TestExchange, TestMessage, TestView } from "./testing/exchange.ts";

/** An exchange to be reviewed, and what the gateway would have granted and limited. */
export interface ReviewInput extends TestExchange {
  /** The operator's `config:` of the binding. */
  readonly config?: unknown;
  /** The granted mode; default: the declared one. */
  readonly mode?: Mode;
  /** Powers the operator granted; default none. */
  readonly may?: readonly ("respond" | "set-cookies")[];
  /** Default: the contract's, and 5 s, so that a slow machine fails no test. */
  readonly limits?: { readonly maxPatches?: number; readonly maxResponseBytes?: number; readonly timeoutMs?: number };
  readonly attempt?: number;
  /** The same one twice is the same review sent again (C6). Default: a new one each time. */
  readonly reviewId?: string;
}

/** What came of a review. */
export interface Reviewed {
  /** As the gateway read it off the wire; of a denial, `defects` names what had to be dropped or defaulted (C8). */
  readonly verdict: Verdict;
  /** The whole exchange afterwards: as it was given, with an allow verdict's patches applied. */
  readonly view: TestView;
}

/**
 * Reviews one exchange as the gateway would, without sockets: cuts the view to `needs`, encodes and decodes both
 * messages, holds the verdict to limits, `writes` and powers, and applies its patches.
 * Rejects with `ReviewFailureError` where the gateway would meet its failure policy.
 */
export async function review<Id extends string>(
  interceptor: Interceptor<Id>,
  bindingId: NoInfer<Id>,
  input: ReviewInput = {},
): Promise<Reviewed> {
  const reader = interceptor.bindings.get(bindingId);
  if (reader === undefined) throw new ReviewFailureError(bindingId, "unknown binding: the interceptor does not declare it");
  const state = stateOf(input, reader.binding);
  const reviewId = input.reviewId ?? crypto.randomUUID();
  const bytes = await answerOf(interceptor, { reader, state, input, reviewId });
  const expected = {
    reviewId,
    maxPatches: maxPatches(input),
    maySetCookies: input.may?.includes("set-cookies") ?? false,
  };
  const verdict = accepted(bindingId, decodeVerdict(bytes, expected), ({ reason, detail }) => `${reason}: ${detail}`);
  if (verdict.kind === "deny") return { verdict, view: viewOf(state) };
  if (verdict.kind === "respond") {
    if (input.may?.includes("respond") === true) return { verdict, view: viewOf(state) };
    throw new ReviewFailureError(bindingId, 'contract: respond takes the power "respond": may: ["respond"]');
  }
  const patched = patchedState(state, verdict.patches, { reader, powers: input.may ?? [] });
  return { verdict, view: viewOf(accepted(bindingId, patched, (problem) => problem)) };
}

/** The gateway would have had no usable verdict. The message begins with the rule or reason; `cause` is what was thrown. */
export class ReviewFailureError extends Error {
  override readonly name = "ReviewFailureError";

  constructor(bindingId: string, why: string, options?: ErrorOptions) {
    super(`review by "${bindingId}" failed: ${why}`, options);
  }
}

interface TestReview {
  readonly reader: CompiledBinding;
  readonly state: ExchangeState;
  readonly input: ReviewInput;
  readonly reviewId: string;
}

async function answerOf(interceptor: Interceptor, test: TestReview): Promise<Uint8Array> {
  const { reader, input } = test;
  const service = new ReviewService(interceptor, { log: () => undefined, maxConcurrentReviews: 1 });
  const explain = ({ message, cause }: Refusal): string => (cause instanceof Error ? cause.message : message);
  accepted(reader.id, service.describe(describeRequest(test)), explain);
  const time = new CallTime(performance.now() + (input.limits?.timeoutMs ?? 5000));
  const answer = await service.review(reviewRequest(test), time);
  time.answered();
  if (!answer.ok && answer.error.reason === "abandoned") throw new ReviewFailureError(reader.id, "timeout: it took too long");
  return accepted(reader.id, answer, explain);
}

function describeRequest({ reader, input }: TestReview): Uint8Array {
  const config = input.config === undefined ? "" : stringifyJson(accepted(reader.id, fromPlain(input.config), (why) => why));
  const binding = {
    bindingId: reader.id,
    phase: PHASES[reader.binding.phase].wire,
    configJson: config,
    configDigest: digestOf(config),
    maxPatches: maxPatches(input),
    maxResponseBytes: input.limits?.maxResponseBytes ?? LIMITS.maxResponseBytes.fallback,
    timeoutMs: input.limits?.timeoutMs ?? LIMITS.timeoutMs.fallback,
  };
  const request = { gatewayVersion: "testing", gatewayId: "testing", limits: { maxConcurrentReviews: 1 }, bindings: [binding] };
  return DescribeRequest.encode(request).finish();
}

function reviewRequest({ reader, state, input, reviewId }: TestReview): Uint8Array {
  return ReviewRequest.encode({
    reviewId,
    attempt: input.attempt ?? 1,
    bindingId: reader.id,
    phase: PHASES[reader.binding.phase].wire,
    mode: MODES[input.mode ?? reader.binding.mode].wire,
    bindingDigest: "testing",
    configDigest: digestOf(input.config === undefined ? "" : "config"),
    view: wireView(state, reader),
  }).finish();
}

// one config per service, so any name that tells "none" from "some" does
const digestOf = (config: string): string => (config === "" ? "" : "testing");

const maxPatches = ({ limits }: ReviewInput): number => limits?.maxPatches ?? LIMITS.maxPatches.fallback;

function accepted<T, E>(bindingId: string, result: Result<T, E>, explain: (error: E) => string): T {
  if (result.ok) return result.value;
  const { error } = result;
  const cause = typeof error === "object" && error !== null && "cause" in error ? { cause: error.cause } : undefined;
  throw new ReviewFailureError(bindingId, explain(error), cause);
}
