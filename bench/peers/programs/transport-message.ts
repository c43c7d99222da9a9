import { Mode, PatchOp, Phase, ReviewRequest, Verdict } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { CLIENT_HEADERS } from "../../measure/load.ts";

/** Which library speaks. */
export type TransportKind = "grpc-js" | "lean";

/** The method of the contract, on the wire. */
export const REVIEW_METHOD = "/sallyport.interceptor.v1.Interceptor/Review";

/** Calls at once: as many as the bench's client has connections. */
export const CALLS_AT_ONCE = 64;

/** Reads a library's name from the command line; throws for any other. */
export function transportKind(text: string | undefined): TransportKind {
  if (text === "grpc-js" || text === "lean") return text;
  throw new TypeError(`no transport ${text}`);
}

/** A review of about 1 KiB, encoded once: what is measured is the transport, not the coding. */
export const reviewBytes = (): Buffer =>
  Buffer.from(
    ReviewRequest.encode(
      ReviewRequest.fromPartial({
        reviewId: "01977777-7777-7777-8777-777777777777",
        attempt: 1,
        bindingId: "review-1",
        phase: Phase.PRE_ROUTE,
        mode: Mode.MUTATE,
        view: { request: { headers: Object.entries(CLIENT_HEADERS).map(([name, value]) => ({ name, value })) } },
      }),
    ).finish(),
  );

/** Its verdict, encoded once: one header more. */
export const verdictBytes = (): Buffer =>
  Buffer.from(
    Verdict.encode(
      Verdict.fromPartial({
        reviewId: "01977777-7777-7777-8777-777777777777",
        allow: {},
        patches: [{ op: PatchOp.ADD, path: "/request/headers/x-verified-tenant", valueJson: '"acme"' }],
      }),
    ).finish(),
  );
