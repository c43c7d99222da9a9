import type { MethodDefinition } from "@grpc/grpc-js";
import { Mode, PatchOp, Phase, ReviewRequest, Verdict } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";

/** `Review` of the contract, for grpc-js's own client and server, with the generated code on both sides. */
export const REVIEW: MethodDefinition<ReviewRequest, Verdict> = {
  path: "/sallyport.interceptor.v1.Interceptor/Review",
  requestStream: false,
  responseStream: false,
  requestSerialize: (message) => Buffer.from(ReviewRequest.encode(message).finish()),
  requestDeserialize: (bytes) => ReviewRequest.decode(bytes),
  responseSerialize: (message) => Buffer.from(Verdict.encode(message).finish()),
  responseDeserialize: (bytes) => Verdict.decode(bytes),
};

/** A review with the header view: every header the client sent. */
export function reviewOf(
  reviewId: string,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): ReviewRequest {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value: typeof value === "string" ? value : value.join(", ") }],
  );
  return ReviewRequest.fromPartial({
    reviewId,
    attempt: 1,
    bindingId: "review-1",
    phase: Phase.PRE_ROUTE,
    mode: Mode.MUTATE,
    view: { request: { headers: lines } },
  });
}

/** An allow that gives the upstream one more header. */
export const verdictThatSets = (reviewId: string, tenant: string): Verdict =>
  Verdict.fromPartial({
    reviewId,
    allow: {},
    patches: [{ op: PatchOp.ADD, path: "/request/headers/x-verified-tenant", valueJson: JSON.stringify(tenant) }],
  });

/** The tenant a verdict sets; absent when it does not allow. */
export function tenantIn({ allow, patches }: Verdict): string | undefined {
  const patch = allow === undefined ? undefined : patches.find(({ path }) => path === "/request/headers/x-verified-tenant");
  const value: unknown = patch === undefined ? undefined : JSON.parse(patch.valueJson);
  return typeof value === "string" ? value : undefined;
}
