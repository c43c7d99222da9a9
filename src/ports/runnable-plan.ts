import type { PointerSet } from "@sallyport/contract/view-field.ts";
import type { Exchange, RequestHead, Response, TraceIds } from "../model/exchange.ts";
import type { BindingPlan, ExecutionPlan } from "../model/plan.ts";
import type { RoutePlan } from "../model/route-plan.ts";
import type { ResponseFallback } from "../model/upstream-plan.ts";
import type { Authenticator } from "./authenticator.ts";
import type { Counter, Histogram } from "./metrics.ts";
import type { ReviewFailureKind } from "../model/review-failure.ts";
import type { Reviewer, ReviewSubject } from "./review-client.ts";
import type { Refusal } from "../model/problem.ts";
import type { Received } from "../model/received.ts";
import type { StepOutcome } from "./step.ts";
import type { Upstream, UpstreamRequest } from "./upstream.ts";

/** Answer of a compiled `when`. `error` counts as a match (C22). */
export type Predicate = (subject: ReviewSubject) => "match" | "no-match" | "error";

/** Instruments of one binding, bound to its labels. */
export interface ReviewInstruments {
  /** One per outcome: allow, deny, respond, and each failure kind. */
  readonly outcome: (outcome: "allow" | "deny" | "respond" | "cancelled" | ReviewFailureKind) => Counter;
  /** Seconds, timeouts included. */
  readonly duration: Histogram;
  readonly failOpen: Counter;
  readonly skippedUnreviewable: Counter;
  readonly verdictDefects: Counter;
  readonly whenErrors: Counter;
  /** Of bindings whose verdicts are kept (C34); absent for the others. */
  readonly cache?: ((outcome: "hit" | "miss" | "shared") => Counter) | undefined;
}

/** A binding ready to run. */
export interface RunnableBinding {
  readonly plan: BindingPlan;
  /** Its place among the bindings of the plan: lower runs earlier within a phase. */
  readonly rank: number;
  /** `interceptor/binding`, for logs and `decided_by`. */
  readonly name: string;
  readonly needs: PointerSet;
  readonly writes: PointerSet;
  readonly expose: PointerSet;
  readonly review: Reviewer;
  readonly when: Predicate | undefined;
  /** Whether the `when` reads a body, so that one must be captured (C22). */
  readonly whenNeedsBody: { readonly request: boolean; readonly response: boolean };
  readonly instruments: ReviewInstruments;
}

/** The request as it leaves: hop-by-hop and credential fields gone, the gateway's own credential for that upstream, ids and forwarded fields set (C19). */
export type ToUpstream = (
  exchange: Exchange,
  options: {
    /** A binding will read the response body: ask for it whole and uncoded (C24). */ readonly readsResponseBody: boolean;
  },
) => UpstreamRequest;

/** An upstream in the place of another. It has a credential of its own: no other's ever reaches it. */
export interface FallbackUpstream {
  readonly name: string;
  readonly upstream: Upstream;
  readonly toUpstream: ToUpstream;
  /** The response of the upstream `of` on which it is asked, and only then; undefined: where there is none. */
  readonly on?: (ResponseFallback & { readonly of: string }) | undefined;
  /** Requests that went to it. */
  readonly used: Counter;
}

/** What a route's `cors` policy does at ingress and at egress (C27). Both read the head as the client sent it. */
export interface RouteCors {
  /**
   * What the gateway answers of itself: a preflight always; a WebSocket handshake where it refuses a page that may not use the route,
   * which no browser would. Undefined: the exchange goes on.
   */
  answer(head: RequestHead, protocol: Exchange["protocol"]): Exclude<StepOutcome, { readonly kind: "continue" }> | undefined;
  /** A response with the CORS headers the policy gives it, and none of anybody else's. */
  dress(response: Response, head: RequestHead): Response;
}

/** A route ready to serve. */
export interface RunnableRoute {
  readonly plan: RoutePlan;
  readonly authenticators: readonly Authenticator[];
  /** Ends in anonymous: no credential is no refusal. */
  readonly allowsAnonymous: boolean;
  readonly upstream: Upstream;
  /** Upstreams that are asked in its place, in order, where it gave no response, or one that is not to be had, and may be replaced. */
  readonly fallbacks: readonly FallbackUpstream[];
  /** Keeps the upstream open for a stream that outlives the plan (C36); the function lets it go, harmless when called again. */
  holdUpstream(): () => void;
  readonly toUpstream: ToUpstream;
  /** The head without what the route's authenticators read: for a request that was moved to another route. */
  withoutCredentials(head: RequestHead): RequestHead;
  /** The upstream's response as interceptors and the client may see it, its errors in the form the route gives them. Another body than the response's own means that nobody reads that one. */
  toClient(response: Response, exchange: Exchange): Response;
  /** Headers that only bindings of this route may set; removed from client requests (C11). */
  readonly ownedHeaders: ReadonlySet<string>;
  /** The `cors` policy; undefined: the route has none. */
  readonly cors: RouteCors | undefined;
  /** Bindings whose static selectors match this head, in execution order over all phases; shadows are not among them. Mostly one list for equal ones. */
  bindingsFor(head: RequestHead): readonly RunnableBinding[];
  /** The shadows of which the same is true (C33). */
  shadowsFor(head: RequestHead): readonly RunnableBinding[];
  readonly instruments: RouteInstruments;
}

/** Instruments of one route. */
export interface RouteInstruments {
  /** Requests by status class and decider kind. */
  readonly request: (statusClass: string) => Counter;
  readonly duration: Histogram;
  readonly overhead: Histogram;
}

/** Where a head leads. */
export type RouteMatch =
  | { readonly kind: "matched"; readonly route: RunnableRoute }
  | { readonly kind: "no-route" }
  | { readonly kind: "method-not-allowed"; readonly allow: readonly string[] };

/** What became of a received head. Ids are there in either case: a refusal is answered and logged under them. */
export type Arrival =
  | { readonly kind: "exchange"; readonly exchange: Exchange }
  | {
      readonly kind: "refused";
      readonly refusal: Refusal;
      readonly ids: TraceIds;
      readonly clientAddress: string;
      readonly host: string;
    };

/** Which facts of an exchange the route table looks at at all; spares matching again after a patch that cannot matter. */
export interface RouteInputs {
  readonly headers: ReadonlySet<string>;
  readonly query: ReadonlySet<string>;
  readonly labels: ReadonlySet<string>;
}

/** A compiled plan with its resources. Immutable; exchanges hold the one they began with. */
export interface RunnablePlan {
  readonly plan: ExecutionPlan;
  readonly inputs: RouteInputs;
  /** A received head becomes an exchange, or is refused: strict parsing, ids, trust (RFC.md §2). */
  receive(received: Received): Arrival;
  /** A responder's response as interceptors and the client may see it: hop-by-hop and gateway fields gone, ids set. */
  toClient(response: Response, exchange: Exchange): Response;
  match(listener: string, head: RequestHead, labels: ReadonlyMap<string, string>): RouteMatch;
  /** Lower-case names hidden from every view (C23). */
  readonly hidden: { readonly headers: ReadonlySet<string>; readonly query: ReadonlySet<string> };
}

/** The plan in force. */
export interface PlanSource {
  /** Takes the plan for one exchange of this listener; `release` when its response is done, so that resources of old generations can close. */
  acquire(listener?: string): { readonly plan: RunnablePlan; readonly release: () => void };
}
