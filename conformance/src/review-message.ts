import { DescribeRequest, ReviewRequest, type View } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { MODES, PHASES } from "@sallyport/contract/phase.ts";
import { type BindingUnderTest, configEntry, USUAL_LIMITS, type VerdictLimits } from "./binding-under-test.ts";

/** What a review says that is not in its view; numbers may be ones no gateway sends. */
export type ReviewChanges = Partial<Omit<ReviewRequest, "view" | "phase" | "mode">> & {
  readonly phase?: number;
  readonly mode?: number;
};

/** One review of a binding as a gateway asks for it, with changes. */
export function reviewRequest(binding: BindingUnderTest, view: View | undefined, changes: ReviewChanges = {}): ReviewRequest {
  const { phase = PHASES[binding.phase].wire, mode = MODES[binding.mode].wire, ...others } = changes;
  return {
    reviewId: nextReviewId(),
    attempt: 1,
    bindingId: binding.id,
    // the generated types name the known numbers only; the wire carries any
    phase: phase as ReviewRequest["phase"],
    mode: mode as ReviewRequest["mode"],
    bindingDigest: BINDING_DIGEST,
    configDigest: binding.configDigest,
    view,
    ...others,
  };
}

/** The bytes of a review. */
export const encodeReview = (request: ReviewRequest): Uint8Array => ReviewRequest.encode(request).finish();

/** The bytes of a Describe for these bindings, none for a first look at the manifest. */
export function encodeDescribe(
  bindings: readonly BindingUnderTest[],
  terms: { readonly reviewMs: number; readonly limits?: VerdictLimits; readonly gatewayId?: string },
): Uint8Array {
  const { reviewMs, limits = USUAL_LIMITS, gatewayId = "conformance" } = terms;
  return DescribeRequest.encode({
    gatewayVersion: "0.0.0-conformance",
    gatewayId,
    limits: { maxConcurrentReviews: 256 },
    bindings: bindings.map((binding) => configEntry(binding, limits, reviewMs)),
  }).finish();
}

/** A review id as gateways make them: never the same twice in a run. */
export function nextReviewId(): string {
  reviews += 1;
  return `${RUN}-${reviews}`;
}

// an id must not repeat between runs either: a service may remember it
const RUN = `conformance-${Date.now().toString(36)}-${process.pid}`;
let reviews = 0;

// a service need not understand it (RFC.md §7.4)
const BINDING_DIGEST = "c0".repeat(32);
