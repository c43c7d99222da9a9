import type { Json } from "@sallyport/contract/json.ts";
import type { Phase } from "@sallyport/contract/phase.ts";
import type { Verdict } from "@sallyport/contract/verdict.ts";
import type { Cancel } from "../model/cancel.ts";
import type { Exchange } from "../model/exchange.ts";
import type { Manifest } from "../model/manifest.ts";
import type { BindingPlan } from "../model/plan.ts";
import type { Result } from "../model/result.ts";
import type { ReviewFailure } from "../model/review-failure.ts";

/** A body prepared in a binding's format: decoded, checked, ready to be sent (C24). */
export type BodyView =
  | {
      readonly format: "json";
      readonly text: string;
      /** Made at the first reading, and many times the text: whoever reads it has taken room for it before. */ readonly value: Json;
    }
  | { readonly format: "text"; readonly text: string }
  | { readonly format: "bytes"; readonly bytes: Uint8Array };

/** How the exchange ended; shown to observers only (C29). */
export interface OutcomeView {
  readonly status: number;
  readonly decidedBy: string;
  readonly failure: string;
  readonly durationMs: number;
  readonly bytes: number;
  readonly open: boolean;
  /** There were bodies to show, and they were left out for want of room. */
  readonly bodiesOmitted?: true;
}

/** What one review is about. The client cuts it to the binding's needs; it never sees more than `needs` on the wire. */
export interface ReviewSubject {
  readonly exchange: Exchange;
  readonly route: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly requestBody: BodyView | undefined;
  readonly responseBody: BodyView | undefined;
  readonly outcome: OutcomeView | undefined;
}

/** One call of a reviewer. */
export interface ReviewCall {
  /** `<gateway's span id>:<phase>:<interceptor>/<binding>`, with `:open` behind it for the notice of an open exchange; equal on a re-send (C6). */
  readonly reviewId: string;
  /** What the whole call may take: queue, connect, call, decode (C21). Milliseconds. */
  readonly grantMs: number;
  readonly cancel: Cancel;
}

/** A verdict, and whether the service was asked for it just now: absent when it was. `hit`: it was kept; `shared`: an equal question was under way (C34). */
export type ReviewedVerdict = Verdict & { readonly cached?: "hit" | "shared" };

/** Asks for one verdict. Never rejects; a cancelled review resolves too, and nobody reads it. */
export type Reviewer = (subject: ReviewSubject, call: ReviewCall) => Promise<Result<ReviewedVerdict, ReviewFailure>>;

/** What the operator's file says of one binding, sent in Describe. */
export interface BindingConfig {
  readonly bindingId: string;
  readonly phase: Phase;
  readonly configJson: string;
  readonly configDigest: string;
  readonly maxPatches: number;
  readonly maxResponseBytes: number;
  readonly timeoutMs: number;
}

/** Where one endpoint stands: `open` and `half-open` are its breaker's; `not-serving` is its own word (grpc.health.v1). */
export type EndpointState = "connecting" | "serving" | "not-serving" | "open" | "half-open";

/** One endpoint of an interceptor, at present. */
export interface EndpointStatus {
  /** As the operator writes it. */
  readonly url: string;
  readonly state: EndpointState;
  /** Reviews it was sent and did not answer yet. */
  readonly inFlight: number;
  /** What is wrong with it, a fragment without secrets; absent where nothing is. */
  readonly fault?: string;
}

/** How a client stands at present, for readiness and metrics; no review depends on it. */
export interface ReviewClientStatus {
  /** There is a connection to an endpoint. A client that has none keeps connecting. */
  readonly connected: boolean;
  /** In the order of the file. */
  readonly endpoints: readonly EndpointStatus[];
  /** Reviews waiting for a free place. */
  readonly pendingReviews: number;
  /** Verdicts kept to be given again. */
  readonly cachedVerdicts: number;
  /** What is wrong with an endpoint, such as the check by which its peer was refused; absent where nothing is. A fragment without secrets. */
  readonly fault?: string;
}

/** What was revoked; `any`: nobody could hear of revokes for a while, and it may have been anything. */
export type RevokedTags = readonly string[] | "any";

/** One external interceptor. Lives longer than a plan: shared by generations, closed when no plan uses it. */
export interface ReviewClient extends AsyncDisposable {
  /** Asks what the service wants. Fails like a review does; never rejects. */
  describe(
    bindings: readonly BindingConfig[],
    call: { /** From now, milliseconds. */ readonly deadlineMs: number; readonly cancel: Cancel },
  ): Promise<Result<Manifest, ReviewFailure>>;
  /** Prepares one granted binding; once per plan. `hidden` is what no view shows (C23): lower-case header names, exact query names. */
  reviewer(
    binding: BindingPlan,
    hidden: { readonly headers: ReadonlySet<string>; readonly query: ReadonlySet<string> },
  ): Reviewer;
  /** Runs `listener` when the service must be described again: it reconnected, or refused a config it does not know. Returns the function that takes it back. */
  onDescribeAgain(listener: () => void): () => void;
  /** Forgets every kept verdict with one of these tags, and lets listeners know; no later review is answered by one. Returns how many were forgotten (C34). */
  revoke(tags: readonly string[]): number;
  /** Runs `listener` with the tags of every revoke, whether the service or an operator revoked. Returns the function that takes it back. */
  onRevoked(listener: (tags: RevokedTags) => void): () => void;
  status(): ReviewClientStatus;
}
